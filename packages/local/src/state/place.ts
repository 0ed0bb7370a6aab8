import { existsSync, realpathSync } from "node:fs"
import { basename, dirname, join, resolve, sep } from "node:path"
import { Fault } from "@imgmigrator/core/fault"

/** A folder's real place; of what does not exist yet, as far as it exists. */
export function realPlace(path: string): string {
  const absolute = resolve(path)
  if (existsSync(absolute)) return realpathSync(absolute)
  const parent = dirname(absolute)
  return parent === absolute ? absolute : join(realPlace(parent), basename(absolute))
}

/** Is `inner` the folder `outer`, or in it? Both as `realPlace` gives them. */
const isInside = (inner: string, outer: string): boolean =>
  inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep)

/**
 * Would the service's own files be migrated, and change while they are? Fault `invalid state.in_source`, before
 * anything is made.
 */
export function refuseStateInside(source: string, stateDir: string): void {
  if (!isInside(realPlace(stateDir), realPlace(source))) return
  throw new Fault(
    "invalid",
    "state.in_source",
    `The state folder ${stateDir} lies inside the source ${source}. Choose one outside it with --state DIR.`,
  )
}
