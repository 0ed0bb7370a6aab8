import { balanced, totalsOf } from "@imgmigrator/core/books"
import { worthRetrying } from "@imgmigrator/core/fault"
import { readLanes } from "../db/lanes.ts"
import { completeMigration } from "../db/migrations.ts"
import type { MigrationRow } from "../db/rows.ts"
import { costOf } from "../db/view.ts"
import { log } from "../log.ts"
import { abandonUploads } from "./parts.ts"
import type { TimedWorld } from "./world.ts"

/**
 * End the migration if its books balance over all lanes, read strongly. Whoever finds no more work tries: the planner
 * too, or a migration with nothing to copy would run for ever. `false`: not yet. Rejects with the stop `time`
 * where that is up before all is thrown away that has to be.
 */
export async function settle(row: MigrationRow, world: TimedWorld): Promise<boolean> {
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
  // Before the end, so that whoever dies in between leaves a migration that others go on with.
  await abandonUploads(row, world).catch((error: unknown) => {
    if (worthRetrying(error)) throw error
    log.warn("uploads are left behind", { migration_id: row.id, error })
  })
  const at = world.clock.now()
  const completed = await completeMigration(row, plan.chunks, { totals, cost: costOf(lanes), at })
  if (completed) log.info("migration completed", { migration_id: row.id, ...totals })
  return completed
}
