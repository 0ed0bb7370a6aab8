import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { after, before, placeOf } from "./calls.ts"

/** Looks, which change nothing. Whatever is not named here counts, so a call that is new to our code does too. */
const looks =
  /^(?:l?stat|fstat|statfs|readv?|access|exists|readdir|opendir|readlink|realpath|readFile|close|watch|watchFile|unwatchFile|create(?:Read|Write)Stream|openAsBlob|glob)(?:Sync)?$/

type Run = (this: unknown, ...args: unknown[]) => unknown
const isFunction = (value: unknown): value is Run => typeof value === "function"

/** Every call of node:fs and node:fs/promises that concerns one of the places. */
export async function watchFiles() {
  const open = new Map<number, string>()
  const { href } = new URL(import.meta.url)
  const handle = await fs.promises.open(new URL(href))
  const ofHandles = Object.getPrototypeOf(handle)
  await handle.close()
  for (const module of [fs, fs.promises, ofHandles])
    for (const name of Object.getOwnPropertyNames(module)) {
      const original: unknown = Object.getOwnPropertyDescriptor(module, name)?.value
      if (isFunction(original) && /^[a-z]/.test(name) && name !== "constructor" && !looks.test(name))
        Reflect.set(module, name, watched(name, original, open))
    }
  syncBuiltinESMExports()
}

function watched(name: string, original: Run, open: Map<number, string>): Run {
  const run: Run = function (...args) {
    const path = subjectOf(this, args, open)
    const kind = path === undefined ? undefined : kindOf(path)
    if (path === undefined || kind === undefined) return Reflect.apply(original, this, args)
    const flags = name.startsWith("open") && typeof args[1] === "string" ? [args[1]] : []
    const begun = before([name.replace(/Sync$/, ""), ...flags, kind].join(" "), path)
    const isOpened = name.startsWith("open")
    const ended = (fd: unknown) => {
      if (isOpened && typeof fd === "number") open.set(fd, path)
      after(begun)
    }
    return follow(original, this, args, ended)
  }
  // Also what util.promisify looks for.
  return Object.defineProperties(run, Object.getOwnPropertyDescriptors(original))
}

/** Call it, and tell when it has ended well, before its caller hears of it. */
function follow(original: Run, self: unknown, args: unknown[], ended: (value: unknown) => void): unknown {
  const done = args.at(-1)
  if (isFunction(done)) {
    const heard: Run = function (...results) {
      if (!results[0]) ended(results[1])
      return Reflect.apply(done, this, results)
    }
    return Reflect.apply(original, self, [...args.slice(0, -1), heard])
  }
  const result = Reflect.apply(original, self, args)
  if (!(result instanceof Promise)) {
    ended(result)
    return result
  }
  return result.then((value) => {
    ended(value)
    return value
  })
}

/** The path that a call leaves something at: of two, the second. */
function subjectOf(self: unknown, args: readonly unknown[], open: ReadonlyMap<number, string>) {
  const fd = typeof args[0] === "number" ? args[0] : fdOf(self)
  if (fd !== undefined) return open.get(fd)
  const [first, second] = args.slice(0, 2).map(pathOf)
  return second !== undefined && placeOf(second) ? second : first
}

const fdOf = (self: unknown): number | undefined =>
  typeof self === "object" && self !== null && "fd" in self && typeof self.fd === "number"
    ? self.fd
    : undefined

function pathOf(value: unknown): string | undefined {
  if (typeof value === "string") return value.startsWith("/") ? resolve(value) : undefined
  if (Buffer.isBuffer(value)) return pathOf(value.toString("latin1"))
  return value instanceof URL && value.protocol === "file:" ? fileURLToPath(value) : undefined
}

/** `destination object`, `destination put`: the place, and what it is there; no names, no ids. */
function kindOf(path: string): string | undefined {
  const found = placeOf(path)
  if (!found) return undefined
  const [, temporary] = /\.imgmigrator-tmp(.*)$/.exec(found.rest) ?? []
  const what = temporary === undefined ? "object" : temporary.replace(/^[/-](put|up)-[0-9a-f-]+/, "$1")
  return `${found.place} ${what || "folder"}`
}
