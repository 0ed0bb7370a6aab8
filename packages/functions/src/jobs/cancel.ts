import { cancelMigration } from "../db/migrations.ts"
import type { MigrationRow } from "../db/rows.ts"
import { readUploads } from "../db/uploads.ts"
import { type SenderWorld, theSenderWorld } from "./sender-world.ts"
import { wakeMigration } from "./wake.ts"

/**
 * Cancel for good. Where large items were half-way, one more delivery throws their parts away: a door of the API has no
 * business with the stores.
 */
export async function cancel(
  userId: string,
  id: string,
  world: SenderWorld = theSenderWorld,
): Promise<MigrationRow> {
  const { row, changed } = await cancelMigration(userId, id, world.clock.now())
  if (changed && (await readUploads(id)).length > 0) await wakeMigration(row, world)
  return row
}
