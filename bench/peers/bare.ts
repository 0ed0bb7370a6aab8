import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type Run, timed } from "../measure.ts"

const program = fileURLToPath(new URL("bare-loop.ts", import.meta.url))

/** The bare loop over these keys in two processes, as our service has two workers. */
export async function bareLoop(
  from: string,
  to: string,
  transfers: number,
  keys: readonly string[],
  servers: readonly number[],
): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), "bare-"))
  const list = join(folder, "keys")
  writeFileSync(list, keys.join("\n"))
  try {
    return await timed([process.execPath, program, from, to, String(transfers), list, "2"], servers)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
