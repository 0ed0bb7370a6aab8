import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** The project's folder. */
export const root = fileURLToPath(new URL("../../..", import.meta.url))

/** What dist/ was made from: a list of our own files, from the project's folder. As old as dist/ is. */
export const recordFile = fileURLToPath(new URL("../dist/sources.json", import.meta.url))

/** Whether dist/ is what the sources say: it is there, and none of them was touched since. */
export function isBuilt() {
  try {
    const { mtimeMs } = statSync(recordFile)
    const sources = JSON.parse(readFileSync(recordFile, "utf8"))
    return sources.every((file) => statSync(join(root, file)).mtimeMs <= mtimeMs)
  } catch {
    return false
  }
}
