import { type ChildProcess, spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Migration } from "@imgmigrator/core/migration"
import { expect, vi } from "vitest"
import * as z from "zod"
import { temporaryFolder } from "../../packages/stores/src/file/names.ts"

const bin = join(import.meta.dirname, "../../packages/cli/bin/imgmigrator.js")

export type Ended = {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}
export type Running = {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** What it has written so far. */
  said(): string
}

/** The environment without anything that would lead a command elsewhere. */
const clean = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(IMGMIGRATOR|QSTASH|TABLE_NAME|BASE_URL|PORT$|AWS_ENDPOINT|CELERY)/.test(name),
  ),
)

/** Starts the real command as a process of its own. */
export function start(
  args: readonly string[],
  cwd: string,
  node = process.execPath,
  env: Readonly<Record<string, string>> = {},
): Running {
  const child = spawn(node, [bin, ...args], {
    cwd,
    env: { ...clean, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  })
  const said = { stdout: "", stderr: "" }
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => {
      said[name] += text
    })
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, ...said }))
  return { child, ended, said: () => said.stdout + said.stderr }
}

/** Runs the real command to its end. */
export const run = (args: readonly string[], cwd: string, node?: string): Promise<Ended> =>
  start(args, cwd, node).ended

/** The migration that `--json` printed: the only line on stdout. */
export function migrationOf({ stdout, stderr }: Ended) {
  expect(stdout, stderr).toMatch(/^\{.*\}\n$/)
  const cost = z.object({ messages: z.number(), write_units: z.number(), read_units: z.number() })
  return Migration.extend({ cost }).parse(JSON.parse(stdout))
}

export const within = <T>(what: () => T | Promise<T>, timeout = 120_000): Promise<T> =>
  vi.waitFor(what, { timeout, interval: 25 })

/** A folder for one test file; removed when the process ends. */
export function newRoot(): string {
  const root = mkdtempSync(join(tmpdir(), "cli-"))
  process.on("exit", () => rmSync(root, { recursive: true, force: true }))
  return root
}

/** `count` files of `size` different bytes each, in nested folders, with mtimes of 2020. */
export function makeFiles(folder: string, count: number, size: number): void {
  for (let n = 0; n < count; n++) {
    const path = join(folder, `${n % 7}`, `image ${String(n).padStart(4, "0")}.jpg`)
    mkdirSync(dirname(path), { recursive: true })
    const seed = createHash("sha256").update(String(n)).digest()
    writeFileSync(path, Buffer.alloc(size, seed))
    utimesSync(path, 1_600_000_000 + n, 1_600_000_000.25 + n)
  }
}

/** Every file under a folder: its bytes' SHA-256 and its mtime in ms. */
export function contents(
  folder: string,
): ReadonlyMap<string, { sha256: string; mtime: number; inode: number }> {
  // What is half-way is not looked into: its folder may be removed at that very moment.
  const top = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => name !== temporaryFolder)
  const below = top
    .filter((each) => each.isDirectory())
    .flatMap(({ name }) => readdirSync(join(folder, name), { recursive: true, withFileTypes: true }))
  return new Map(
    [...top, ...below]
      .filter((each) => each.isFile())
      .map((each) => {
        const path = join(each.parentPath, each.name)
        const { mtimeMs, ino } = statSync(path)
        const sha256 = createHash("sha256").update(readFileSync(path)).digest("hex")
        return [path.slice(folder.length + 1), { sha256, mtime: mtimeMs, inode: ino }] as const
      }),
  )
}

/** Both folders hold the same files: names, bytes, modification times. */
export function expectSame(source: string, destination: string): void {
  const plain = (folder: string) =>
    [...contents(folder)]
      .map(([name, { sha256, mtime }]) => ({ name, sha256, mtime }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  expect(plain(destination)).toEqual(plain(source))
}

const Owner = z.object({
  pid: z.int(),
  url: z.url(),
  api_key: z.string(),
  dynamodb: z.url(),
  command: z.string(),
})

/** Who owns the state folder, once it answers. */
export const ownerOf = (state: string) =>
  within(() => Owner.parse(JSON.parse(readFileSync(join(state, "owner.json"), "utf8"))))

/** Nothing of a service is left: not its process, its DynamoDB, its port. */
export async function expectGone({ pid, url, dynamodb }: z.infer<typeof Owner>): Promise<void> {
  await within(() => expect(() => process.kill(pid, 0)).toThrow("ESRCH"))
  for (const address of [url, dynamodb])
    await within(() => expect(fetch(address)).rejects.toThrow("fetch failed"))
}
