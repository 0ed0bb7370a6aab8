import { partition } from "../db/keys.ts"
import { readLane } from "../db/lanes.ts"
import { endedMigrations, getMigration } from "../db/migrations.ts"
import { expireChunk, expireMigration, expirePartition, rememberMarked } from "../db/retention.ts"
import type { MigrationRow } from "../db/rows.ts"
import { retentionDays } from "../settings.ts"
import { inPool } from "./pool.ts"
import { type SenderWorld, theSenderWorld } from "./sender-world.ts"

const daySeconds = 86_400
/** A worker that did not hear of the end may still book what it had in flight. */
const settledMs = 10 * 60_000
/** So much longer than the migration its chunks are kept: a retry that begins on the last day must find them. */
const graceDays = 7
const step = 100
const width = 16

/**
 * Put the date of deletion on all rows of ended migrations; the table deletes them (DynamoDB: Time to Live). The
 * migration's own comes last, so whoever dies on the way, or has no time left after `until` (ms since 1970), leaves one
 * that the next sweep goes on with. Does nothing without MIGRATION_RETENTION_DAYS. Gives how many are done.
 */
export async function retireEnded(until: number, world: SenderWorld = theSenderWorld): Promise<number> {
  const days = retentionDays()
  if (days === undefined) return 0
  let retired = 0
  for await (const { userId, id } of endedMigrations()) {
    // The index may be a moment old: the row decides.
    const row = await getMigration(userId, id)
    if (row?.active !== "ENDED" || row.ended_at === undefined) continue
    const endedAt = Date.parse(row.ended_at)
    if (world.clock.now() - endedAt < settledMs) continue
    const expiresAt = Math.ceil(endedAt / 1000) + days * daySeconds
    if (await retire(row, expiresAt, () => world.clock.now() > until)) retired += 1
    if (world.clock.now() > until) break
  }
  return retired
}

async function retire(row: MigrationRow, expiresAt: number, isLate: () => boolean): Promise<boolean> {
  const chunks = (await readLane(row.id, 0))?.plan?.chunks ?? 0
  const later = expiresAt + graceDays * daySeconds
  for (let n = row.marked ?? 0; n < chunks; n += step) {
    const some = Array.from({ length: Math.min(step, chunks - n) }, (_, i) => n + i)
    await inPool(some, width, (each) => expireChunk(row.id, each, later))
    if (!(await rememberMarked(row, n + some.length)) || isLate()) return false
  }
  await expirePartition(partition.migration(row.id), later)
  return expireMigration(row, expiresAt)
}
