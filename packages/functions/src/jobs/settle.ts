import { balanced, totalsOf } from "@imgmigrator/core/books"
import { readLanes } from "../db/lanes.ts"
import { completeMigration } from "../db/migrations.ts"
import type { MigrationRow } from "../db/rows.ts"
import { costOf } from "../db/view.ts"
import { log } from "../log.ts"

/**
 * End the migration if its books balance over all lanes, read strongly. Whoever finds no more work tries: the planner
 * too, or a migration with nothing to copy would run for ever. `false`: not yet.
 */
export async function settle(row: MigrationRow, at: number): Promise<boolean> {
  const lanes = await readLanes(row.id)
  const plan = lanes.find(({ lane }) => lane === 0)?.plan
  if (!plan || plan.pass !== row.pass) return false
  if (!balanced(lanes, plan, row.next)) {
    const finished = plan.complete && row.next === plan.chunks && lanes.every((lane) => lane.at === lane.to)
    // Never seen; if it is, the migration must not say completed.
    if (finished) log.error("the books do not balance", { migration_id: row.id, totals: totalsOf(lanes) })
    return false
  }
  const totals = totalsOf(lanes)
  const completed = await completeMigration(row, plan.chunks, { totals, cost: costOf(lanes), at })
  if (completed) log.info("migration completed", { migration_id: row.id, ...totals })
  return completed
}
