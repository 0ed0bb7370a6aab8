import { appendFileSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Fault } from "@imgmigrator/core/fault"
import * as z from "zod"
import type { Part, Upload } from "../store.ts"
import { errno } from "./faults.ts"

export type Paths = { readonly data: string; readonly log: string }
export const pathsOf = (folder: string, id: string): Paths => ({
  data: join(folder, id),
  log: join(folder, `${id}.log`),
})

const Head = z.object({ key: z.string(), partSize: z.int().positive(), begun: z.number() })
type Head = z.infer<typeof Head>
const Line = z.object({
  number: z.int().positive(),
  size: z.int().positive(),
  checksum: z.object({ algorithm: z.literal("sha256"), value: z.string() }),
})

/** Whoever dies before the log's first line is whole leaves no upload, but a file that can be found and thrown away. */
export function startLog(paths: Paths, { key, partSize }: Upload): void {
  const head: Head = { key, partSize, begun: Date.now() }
  writeFileSync(paths.data, "", { flag: "wx" })
  writeFileSync(paths.log, `${JSON.stringify(head)}\n`, { flag: "wx" })
}

/** One short append, which no other writer's can split. */
export function writeLog(paths: Paths, part: z.infer<typeof Line>): Part {
  appendFileSync(paths.log, `${JSON.stringify(part)}\n`)
  return part
}

/** A last line that a crash cut short is a part that is not there. */
export function readLog(paths: Paths): { readonly head: Head; readonly parts: readonly Part[] } {
  const [first, ...lines] = linesOf(paths)
  if (first === undefined) throw missing(paths.data)
  const head = Head.parse(JSON.parse(first))
  const parts = new Map<number, Part>()
  for (const line of lines) {
    const part = Line.parse(JSON.parse(line))
    parts.set(part.number, part)
  }
  return { head, parts: [...parts.values()].sort((a, b) => a.number - b.number) }
}

/** `undefined`: no upload. */
export function begun(paths: Paths): Head | undefined {
  try {
    return readLog(paths).head
  } catch (error) {
    if (error instanceof Fault) return undefined
    throw error
  }
}

function linesOf({ log }: Paths): string[] {
  try {
    return readFileSync(log, "utf8").split("\n").slice(0, -1)
  } catch (error) {
    if (errno(error) === "ENOENT") throw missing(log.replace(/\.log$/, ""))
    throw error
  }
}

export const missing = (what: string) =>
  new Fault("stale", "upload.missing", `The upload of ${JSON.stringify(what)} is gone; it must begin again.`)
