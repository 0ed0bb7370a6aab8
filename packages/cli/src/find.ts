import { createHash } from "node:crypto"
import { isDeepStrictEqual } from "node:util"
import type { Migration } from "@imgmigrator/core/migration"
import type { Status } from "@imgmigrator/core/status"
import { type NormalStoreRef, parseStoreRef, storeUri } from "@imgmigrator/core/store-ref"
import type { Api, NewMigration } from "./api.ts"

/** What can still go on, the likeliest first. */
const unfinished: readonly Status[] = ["running", "pending", "paused", "failed"]

/** The newest migration of this very source, destination and options that has not ended, if there is one. */
export async function findUnfinished(api: Api, wanted: NewMigration): Promise<Migration | undefined> {
  const [source, destination] = [parseStoreRef(wanted.source), parseStoreRef(wanted.destination)]
  const same = (each: Migration) =>
    each.source === storeUri(source) &&
    each.destination === storeUri(destination) &&
    isDeepStrictEqual(each.options, wanted.options) &&
    markIn(each.name) === markIn(wanted.name)
  for (const status of unfinished) for await (const each of api.list(status)) if (same(each)) return each
  return undefined
}

/**
 * The API shows stores without what may be secret, so two lists that differ in their query look the same there. The
 * name of such a migration ends in a mark of what is not shown, by which a later run knows its own.
 */
export function nameFor(wanted: Omit<NewMigration, "name">, name: string | undefined): string | undefined {
  const refs = [parseStoreRef(wanted.source), parseStoreRef(wanted.destination)]
  if (!refs.some(isVeiled)) return name
  const mark = createHash("sha256").update(JSON.stringify(refs)).digest("hex").slice(0, 12)
  return `${name ?? refs.map(storeUri).join(" → ").slice(0, 180)} #${mark}`
}

const markIn = (name: string | undefined) => / #([0-9a-f]{12})$/.exec(name ?? "")?.[1]

/** Does the URI that is shown leave out anything by which stores differ? */
function isVeiled(ref: NormalStoreRef): boolean {
  if (ref.type === "list") return ref.url.includes("?")
  if (ref.type === "s3")
    return ref.credentials !== undefined || ref.path_style !== undefined || ref.verify !== undefined
  return ref.type === "urls"
}
