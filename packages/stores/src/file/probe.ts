import { closeSync, constants, opendirSync, openSync, statSync, unlinkSync } from "node:fs"
import { dirname, join } from "node:path"
import { Fault } from "@imgmigrator/core/fault"
import { errno, fileFault, type Side } from "./faults.ts"
import { temporaryFolder } from "./names.ts"
import { newId } from "./temporary.ts"

/** Is the folder there and readable? */
export function probeRead(root: string, name: string): void {
  attempt("source", name, () => {
    if (!isFolder(root, name))
      throw new Fault("missing", "store.missing", `${name} is not there.`, { scope: "store" })
    opendirSync(root).closeSync()
  })
}

/** May files be written in the folder, or in the nearest one above it that exists? A real file is the only sure test. */
export function probeWrite(root: string, name: string): void {
  let folder = root
  attempt("destination", name, () => {
    while (!isFolder(folder, name)) folder = dirname(folder)
    if (writeNameless(folder)) return
    const file = join(folder, `${temporaryFolder}-${newId("put")}`)
    closeSync(openSync(file, "wx"))
    unlinkSync(file)
  })
}

/** open(2): a file without a name, which is gone with its process. Linux only, and Node has no name for it. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY
const withoutIt = ["EOPNOTSUPP", "ENOTSUP", "EISDIR", "ENOENT", "EINVAL"]

/** Whoever dies in the middle of it leaves nothing behind. `false`: this file system has no such files. */
function writeNameless(folder: string): boolean {
  if (process.platform !== "linux") return false
  try {
    closeSync(openSync(folder, O_TMPFILE | constants.O_WRONLY, 0o600))
    return true
  } catch (error) {
    if (withoutIt.includes(errno(error))) return false
    throw error
  }
}

function isFolder(path: string, name: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats && !stats.isDirectory())
    throw new Fault("invalid", "store.type", `${name}: ${path} is a file; name a folder.`, { scope: "store" })
  return stats !== undefined
}

function attempt(side: Side, name: string, run: () => void): void {
  try {
    run()
  } catch (error) {
    throw fileFault(error, side, name, "store")
  }
}
