import { linkSync, lstatSync, renameSync, unlinkSync } from "node:fs"
import { Fault } from "@imgmigrator/core/fault"
import { quoted } from "@imgmigrator/core/outcome"
import type { Precondition } from "../store.ts"
import { errno } from "./faults.ts"
import { etagOf } from "./identity.ts"

/** File systems without hard links (FAT, some network ones) answer a link(2) so. */
const noLinks = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]

/**
 * Give a finished temporary file its final name, and only if `precondition` holds. "absent" is atomic through link(2),
 * which never replaces; the check of an ETag and the rename follow each other at once, which is as close as files allow.
 * Returns false where "absent" could only be looked at, not enforced.
 */
export function place(temporary: string, target: string, key: string, precondition?: Precondition): boolean {
  if (precondition && "absent" in precondition) return placeNew(temporary, target, key)
  const there = lstatSync(target, { bigint: true, throwIfNoEntry: false })
  if (there?.isDirectory()) throw collision(key)
  if (precondition && (!there || etagOf(there) !== precondition.etag)) throw changed(key)
  renameSync(temporary, target)
  return true
}

function placeNew(temporary: string, target: string, key: string): boolean {
  try {
    linkSync(temporary, target)
    unlinkSync(temporary)
    return true
  } catch (error) {
    if (errno(error) !== "EEXIST" && !noLinks.includes(errno(error))) throw error
    const there = lstatSync(target, { throwIfNoEntry: false })
    if (there?.isDirectory()) throw collision(key)
    if (there) throw changed(key)
    if (errno(error) === "EEXIST") throw changed(key)
    renameSync(temporary, target)
    return false
  }
}

const changed = (key: string) =>
  new Fault("conflict", "destination.changed", `${quoted(key)} is not as it was when this was planned.`)

const collision = (key: string) =>
  new Fault("conflict", "destination.collision", `${quoted(key)} needs a file where there is a folder.`)
