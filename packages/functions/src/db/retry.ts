import { Fault } from "@imgmigrator/core/fault"
import { emptyPlan } from "@imgmigrator/core/lane"
import { decide } from "@imgmigrator/core/status"
import { readLane, startRetry } from "./lanes.ts"
import { mustGetMigration } from "./migrations.ts"
import type { MigrationRow } from "./rows.ts"

/** Move the failed items of an ended migration again, as a new pass. Fault `conflict migration.status` where nothing is to retry. */
export async function retryMigration(
  userId: string,
  id: string,
  at: number,
): Promise<{ readonly row: MigrationRow }> {
  for (let tries = 0; tries < 5; tries++) {
    const row = await mustGetMigration(userId, id)
    decide("retry", row.status)
    const lane0 = await readLane(id, 0)
    if (!lane0) throw new Error(`The migration ${id} has no lane 0.`)
    if (await startRetry(row, lane0, lane0.plan ?? emptyPlan, at))
      return { row: await mustGetMigration(userId, id) }
  }
  throw new Fault("stale", "migration.changed", "The migration changed meanwhile. Ask again.")
}
