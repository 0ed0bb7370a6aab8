import { realpathSync } from "node:fs"
import { dirname, join, resolve, sep } from "node:path"
import { Fault } from "@imgmigrator/core/fault"
import { errno } from "./faults.ts"

/** The folder with its symbolic links resolved as far as it exists. For `nested`, which compares names only. */
export function realFolder(path: string): string {
  const absolute = resolve(path)
  try {
    return realpathSync(absolute)
  } catch (error) {
    const parent = dirname(absolute)
    if (parent === absolute || (errno(error) !== "ENOENT" && errno(error) !== "ENOTDIR")) return absolute
    return join(realFolder(parent), absolute.slice(parent.length))
  }
}

/** The real root of a `file:` store that lies in one of `allowed`, else Fault `denied store.denied`. */
export function rootOf(path: string, allowed: readonly string[] | undefined): string {
  const root = realFolder(path)
  const inside = (folder: string) =>
    root === folder || root.startsWith(folder.endsWith(sep) ? folder : folder + sep)
  if (!allowed || allowed.some((folder) => inside(realFolder(folder)))) return root
  const message = "path: lies outside the folders that this service may use."
  throw new Fault("denied", "store.denied", message, { scope: "store" })
}
