import { totalsOf } from "@imgmigrator/core/books"
import { isHeld, type Lane } from "@imgmigrator/core/lane"
import type { Cost, Migration, Progress } from "@imgmigrator/core/migration"
import { hasEnded } from "@imgmigrator/core/status"
import { storeUri } from "@imgmigrator/core/store-ref"
import type { MigrationRow } from "./rows.ts"

/** What the lanes have spent so far. */
export const costOf = (lanes: readonly Lane[]): Cost =>
  lanes.reduce<Cost>(
    (sum, { spent }) => ({
      messages: sum.messages + spent.messages,
      write_units: sum.write_units + spent.writes,
      read_units: sum.read_units + spent.reads,
    }),
    { messages: 0, write_units: 0, read_units: 0 },
  )

/** A migration as the API shows it. `lanes` may be empty where the row has its final totals. */
export function migrationView(row: MigrationRow, lanes: readonly Lane[]): Migration {
  return {
    id: row.id,
    user_id: row.user_id,
    ...(row.name !== undefined && { name: row.name }),
    status: row.status,
    source: row.source.type === "stored_urls" ? `urls:${row.source.count}` : storeUri(row.source),
    destination: storeUri(row.destination),
    options: row.options,
    totals: row.totals ?? totalsOf(lanes),
    ...(row.waiting && { waiting: row.waiting }),
    ...(row.error && { error: row.error }),
    created_at: row.created_at,
    ...(row.started_at && { started_at: row.started_at }),
    ...(row.ended_at && hasEnded(row.status) && { completed_at: row.ended_at }),
  }
}

/** How far it is. No ETA before the plan is complete: the total would be a guess. */
export function progressView(row: MigrationRow, lanes: readonly Lane[], at: number): Progress {
  const totals = row.totals ?? totalsOf(lanes)
  const planned = row.totals !== undefined || lanes.some((lane) => lane.plan?.complete)
  const rate = lanes.filter((lane) => isHeld(lane, at)).reduce((sum, lane) => sum + lane.rate, 0)
  const gone = totals.discovered - totals.remaining
  const share = totals.discovered === 0 ? (hasEnded(row.status) ? 100 : 0) : (100 * gone) / totals.discovered
  return {
    migration_id: row.id,
    status: row.status,
    planned,
    total: totals.discovered,
    migrated: totals.migrated,
    skipped: totals.skipped,
    failed: totals.failed,
    remaining: totals.remaining,
    bytes: totals.bytes_migrated,
    progress: Math.floor(share * 10) / 10,
    items_per_second: Math.round(rate * 10) / 10,
    ...(planned && rate > 0 && totals.remaining > 0 && { eta_seconds: Math.ceil(totals.remaining / rate) }),
    ...(row.waiting && { waiting: row.waiting }),
    cost: row.cost ?? costOf(lanes),
  }
}
