import * as z from "zod"
import { keys, partition, prefix } from "./keys.ts"
import { parseRow } from "./rows.ts"
import { type Put, put, query, remove } from "./table.ts"

/**
 * An item half-way at its destination. Written before its upload begins, with the upload's id before its first part, and
 * gone when the item is booked, so that a later delivery goes on behind the last part and nothing is left behind. The
 * store's own list of parts is the truth of how far it came.
 */
export const UploadRow = z.object({
  n: z.int().nonnegative(),
  index: z.int().nonnegative(),
  /** Of the lane, when it was noted: whose note it is. */
  fence: z.int().positive(),
  key: z.string(),
  /** When it was about to begin, in ms. */
  at: z.number(),
  /** Absent until the store's answer is known. */
  id: z.string().optional(),
  part_size: z.int().positive().optional(),
  /** The source's version whose parts these are. */
  etag: z.string().optional(),
})
export type UploadRow = z.infer<typeof UploadRow>

const keyOf = (migrationId: string, { n, index }: UploadRow) => keys.upload(migrationId, n, index)

/** The note of an upload that is about to begin, to be written under the lane's fence. */
export const uploadNote = (migrationId: string, row: UploadRow): Put => ({
  key: keyOf(migrationId, row),
  item: row,
})

/** Note what the store calls an upload that was noted. `false`: it is another's business by now. */
export async function identifyUpload(migrationId: string, row: UploadRow): Promise<boolean> {
  const refused = await put({
    ...uploadNote(migrationId, row),
    condition: "#fence = :mine",
    values: { mine: row.fence },
  })
  return !refused
}

/** Remove this note, but none that a later holder made. */
export async function removeUpload(migrationId: string, row: UploadRow): Promise<void> {
  await remove({
    key: keyOf(migrationId, row),
    condition: "#fence = :seen",
    values: { seen: row.fence },
  })
}

export async function readUploads(migrationId: string): Promise<readonly UploadRow[]> {
  const rows: UploadRow[] = []
  for await (const row of query({
    condition: "#pk = :pk AND begins_with(#sk, :prefix)",
    values: { pk: partition.migration(migrationId), prefix: prefix.upload },
  }))
    rows.push(parseRow(UploadRow, row))
  return rows
}
