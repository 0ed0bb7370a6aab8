import { createReadStream } from "node:fs"
import { type FileHandle, open, rename } from "node:fs/promises"
import { join } from "node:path"
import { createInterface } from "node:readline"

/** One change: what became of `key` in `table`; without a value it is gone. */
export type Change = readonly [table: string, key: string, value?: unknown]

const name = "journal.ndjson"

/** All changes in the journal of `folder`, oldest first; a last line that was cut by a crash is left out. */
export async function* readJournal(folder: string): AsyncGenerator<Change> {
  let torn = false
  try {
    for await (const line of createInterface({ input: createReadStream(join(folder, name)) })) {
      if (torn) throw new Error(`${join(folder, name)} is damaged before its last line`)
      const change = parse(line)
      if (change) yield change
      else torn = true
    }
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error
  }
}

function parse(line: string): Change | undefined {
  try {
    const change: unknown = JSON.parse(line)
    if (!Array.isArray(change)) return undefined
    const [table, key, value]: unknown[] = change
    return typeof table === "string" && typeof key === "string" ? [table, key, value] : undefined
  } catch {
    return undefined
  }
}

const linesAtOnce = 1000

/** Replaces the journal of `folder` by these changes, durably, and leaves it open for more. */
export async function writeJournal(
  folder: string,
  present: Iterable<Change>,
): Promise<{ file: FileHandle; lines: number }> {
  const file = await open(join(folder, `${name}.next`), "w")
  try {
    const lines = await writeAll(file, present)
    await rename(join(folder, `${name}.next`), join(folder, name))
    // A rename is durable only when its folder is.
    const parent = await open(folder, "r")
    await parent.sync().finally(() => parent.close())
    return { file, lines }
  } catch (error) {
    await file.close()
    throw error
  }
}

async function writeAll(file: FileHandle, present: Iterable<Change>): Promise<number> {
  let lines = 0
  let part: string[] = []
  for (const change of present) {
    part.push(`${JSON.stringify(change)}\n`)
    lines += 1
    if (part.length < linesAtOnce) continue
    await file.appendFile(part.join(""))
    part = []
  }
  await file.appendFile(part.join(""))
  await file.datasync()
  return lines
}
