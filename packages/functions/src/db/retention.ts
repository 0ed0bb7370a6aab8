import { activeIndex, type Key, keys, partition } from "./keys.ts"
import { isRefused } from "./refusal.ts"
import type { MigrationRow } from "./rows.ts"
import { query, update } from "./table.ts"

type Marked = Pick<MigrationRow, "user_id" | "id">

/** Have the table delete every row of a partition at `expiresAt`, in seconds since 1970. */
export async function expirePartition(pk: string, expiresAt: number): Promise<void> {
  for await (const row of query({ condition: "#pk = :pk", values: { pk }, projection: "#pk, #sk" }))
    await update({
      key: { pk, sk: String(row.sk) },
      set: { expires_at: expiresAt },
      condition: "attribute_exists(#pk)",
    })
}

export const expireChunk = (id: string, n: number, expiresAt: number): Promise<void> =>
  expirePartition(partition.chunk(id, n), expiresAt)

/** The chunks below `marked` are done. `false`: the migration runs again, so nothing of it is to be deleted. */
export const rememberMarked = (row: Marked, marked: number): Promise<boolean> =>
  whileEnded(keys.migration(row.user_id, row.id), { marked })

/** The migration itself, and with it the mark that somebody has to see to it. */
export const expireMigration = (row: Marked, expiresAt: number): Promise<boolean> =>
  whileEnded(keys.migration(row.user_id, row.id), {
    expires_at: expiresAt,
    marked: undefined,
    [activeIndex.attribute]: undefined,
  })

async function whileEnded(key: Key, set: Readonly<Record<string, unknown>>): Promise<boolean> {
  const condition = `#${activeIndex.attribute} = :ended`
  return !isRefused(await update({ key, set, condition, values: { ended: activeIndex.ended } }))
}
