import * as z from "zod"
import { keys, partition, prefix } from "./keys.ts"
import { parseRow } from "./rows.ts"
import { put, query, remove } from "./table.ts"

/**
 * An item half-way at its destination. Written before its upload begins, with the upload's id before its first part, and
 * gone when the item is booked, so that a later delivery goes on behind the last part and nothing is left behind. The
 * store's own list of parts is the truth of how far it came.
 */
export const UploadRow = z.object({
  n: z.int().nonnegative(),
  index: z.int().nonnegative(),
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

export async function putUpload(migrationId: string, row: UploadRow): Promise<void> {
  await put({ key: keys.upload(migrationId, row.n, row.index), item: row })
}

export const removeUpload = (
  migrationId: string,
  { n, index }: Pick<UploadRow, "n" | "index">,
): Promise<void> => remove(keys.upload(migrationId, n, index))

export async function readUploads(migrationId: string): Promise<readonly UploadRow[]> {
  const rows: UploadRow[] = []
  for await (const row of query({
    condition: "#pk = :pk AND begins_with(#sk, :prefix)",
    values: { pk: partition.migration(migrationId), prefix: prefix.upload },
  }))
    rows.push(parseRow(UploadRow, row))
  return rows
}
