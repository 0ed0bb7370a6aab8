import { NormalStoreRef } from "@imgmigrator/core/store-ref"
import * as z from "zod"
import { keys } from "./keys.ts"
import { seal, unseal } from "./pack.ts"
import { type MigrationRow, parseRow, type StoredSource } from "./rows.ts"
import { get, type Put } from "./table.ts"

/**
 * Inline addresses stand in a row of their own: an update is charged for the whole item, and the migration's row changes
 * with every hand-out.
 */
const SourceRow = z.object({ source: z.instanceof(Uint8Array) })

/** What of a source stands in the migration's row, and the row that holds the rest. */
export async function storeSource(
  id: string,
  source: NormalStoreRef,
): Promise<{ readonly stored: StoredSource; readonly rows: readonly { readonly put: Put }[] }> {
  if (source.type !== "urls") return { stored: source, rows: [] }
  const put = { key: keys.source(id), item: { source: await seal(source, []) } }
  return { stored: { type: "stored_urls", count: source.urls.length }, rows: [{ put }] }
}

/** The migration's source, whole. */
export async function readSource(row: Pick<MigrationRow, "id" | "source">): Promise<NormalStoreRef> {
  if (row.source.type !== "stored_urls") return row.source
  const found = await get(keys.source(row.id))
  if (!found) throw new Error(`The addresses of migration ${row.id} are gone.`)
  return unseal(NormalStoreRef, parseRow(SourceRow, found).source).columns
}
