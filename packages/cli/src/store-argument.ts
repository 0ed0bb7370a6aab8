import { existsSync, realpathSync } from "node:fs"
import { basename, dirname, join, resolve, sep } from "node:path"
import { Fault } from "@imgmigrator/core/fault"
import type { StoreRef } from "@imgmigrator/core/store-ref"
import { misused } from "./arguments.ts"

/**
 * A store as the command line takes it: a URI, the same as JSON (`{"type":"urls",…}`), or else a folder, relative to
 * where the command runs. Fault `invalid cli.usage` where JSON was meant and is not.
 */
export function storeArgument(text: string, cwd = process.cwd()): StoreRef {
  if (text.trimStart().startsWith("{")) return fromJson(text)
  return /^[a-z][a-z0-9+.-]*:/i.test(text) ? text : resolve(cwd, text)
}

function fromJson(text: string): StoreRef {
  try {
    return JSON.parse(text)
  } catch {
    throw misused("A store that begins with { must be JSON.")
  }
}

/** A folder's real place; of what does not exist yet, as far as it exists. */
export function realPlace(path: string): string {
  if (existsSync(path)) return realpathSync(path)
  const parent = dirname(path)
  return parent === path ? path : join(realPlace(parent), basename(path))
}

/** Is `inner` the folder `outer`, or in it? Both as `realPlace` gives them. */
export const isInside = (inner: string, outer: string): boolean =>
  inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep)

/**
 * Would the service's own files be migrated, and change while they are? Fault `invalid state.in_source`, before
 * anything was made.
 */
export function refuseStateInside(source: string, stateDir: string): void {
  if (!isInside(realPlace(stateDir), realPlace(source))) return
  throw new Fault(
    "invalid",
    "state.in_source",
    `The state folder ${stateDir} lies inside the source ${source}. Choose one outside it with --state DIR.`,
  )
}
