import { lstatSync, mkdirSync, rmdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { Fault } from "@imgmigrator/core/fault"
import { quoted } from "@imgmigrator/core/outcome"
import { errno } from "./faults.ts"
import { segmentsOf, temporaryFolder } from "./names.ts"
import { folderSync } from "./sync.ts"

export type Tree = ReturnType<typeof openTree>

/**
 * The folders of a store: all below the root must be real folders, since a symbolic link could lead out of it. They are
 * looked at each time, since what was a folder may have become a link. New ones are made where asked, and made durable
 * before anything in them counts as written.
 */
export function openTree(root: string) {
  const unsynced = new Map<string, Promise<unknown>>()
  const syncFolder = folderSync()
  const homes = new Set<string>()
  let preconditions = true

  /** The device that a folder is on; `undefined` where it is missing. */
  function visit(folder: string, key: string, create: boolean): bigint | undefined {
    if (folder !== root && visit(dirname(folder), key, create) === undefined) return undefined
    let stats = look(folder)
    if (!stats && create) {
      if (makeFolder(folder, root)) willSync(folder)
      stats = look(folder)
    }
    if (!stats) return undefined
    if (stats.isSymbolicLink())
      throw new Fault("denied", "store.link", `${quoted(key)} lies behind a symbolic link.`)
    if (!stats.isDirectory())
      throw new Fault(
        "conflict",
        "destination.collision",
        `${quoted(key)} needs a folder where there is a file.`,
      )
    return stats.dev
  }

  function willSync(folder: string) {
    const above = Promise.all([syncFolder(dirname(folder)), unsynced.get(dirname(folder))])
    unsynced.set(folder, above)
    // Whoever writes into the folder awaits it and hears of a failure; on success it is done once.
    above.then(
      () => unsynced.delete(folder),
      () => undefined,
    )
  }

  return {
    root,
    get preconditions() {
      return preconditions
    },
    /** A write could not be made to depend on its precondition atomically. */
    enforced(atomically: boolean) {
      preconditions &&= atomically
    },
    /** Where a key's file is. `look`: `undefined` where its folder is missing. Faults for names that can't be. */
    locate,
    /** The folder for the temporary files of `target`, in the same file system since renames do not cross. */
    temporary(target: string, mode: "look" | "create"): string {
      const folder = dirname(target)
      const apart = look(folder)?.dev !== look(root)?.dev
      const home = join(apart ? folder : root, temporaryFolder)
      visit(home, temporaryFolder, mode === "create")
      if (mode === "create") homes.add(home)
      return home
    },
    /** Remove the folders for temporary files, but for those where somebody has one. */
    tidy() {
      for (const home of homes) removeEmpty(home)
      homes.clear()
    },
    async sync(folder: string) {
      await Promise.all([syncFolder(folder), unsynced.get(folder)])
    },
  }

  function locate(key: string, mode: "create"): string
  function locate(key: string, mode: "look"): string | undefined
  function locate(key: string, mode: "look" | "create"): string | undefined {
    const path = join(root, ...segmentsOf(key))
    return visit(dirname(path), key, mode === "create") === undefined ? undefined : path
  }
}

const look = (path: string) => lstatSync(path, { bigint: true, throwIfNoEntry: false })

function makeFolder(folder: string, root: string): boolean {
  try {
    return mkdirSync(folder, { recursive: folder === root }) !== undefined || folder !== root
  } catch (error) {
    if (errno(error) === "EEXIST") return false
    throw error
  }
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder)
  } catch (error) {
    if (!["ENOENT", "ENOTEMPTY", "EEXIST", "ENOTDIR", "EROFS", "EACCES"].includes(errno(error))) throw error
  }
}
