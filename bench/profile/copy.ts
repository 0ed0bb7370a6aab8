/**
 * One delivery in this process, for a profiler: `node --cpu-prof bench/profile/copy.ts <source> <destination> [<concurrency>
 * [<times>]]`. The table is dynoxide's, the rest is what a worker runs. Prints items a second and CPU an item of this
 * process alone, for each time; from the second one on it is an unchanged re-run.
 */
import { startDynamo } from "../../test/support/dynamodb.ts"

process.env.IMGMIGRATOR_LOCAL = "1"
const [source = "", destination = "", concurrency = "16", times = "1"] = process.argv.slice(2)
const dynamo = await startDynamo()
const { begin, testWorld } = await import("../../test/support/harness.ts")
const { mustGetMigration } = await import("../../packages/functions/src/db/migrations.ts")

const { world, run } = testWorld()
for (let time = 0; time < Number(times); time++) {
  const options = { lanes: 1, concurrency: Number(concurrency) }
  const row = await begin(world, { source, destination, options })
  const before = process.cpuUsage()
  const start = performance.now()
  await run(1)
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(before)
  const { status, totals, error } = await mustGetMigration("u1", row.id)
  const moved = (totals?.migrated ?? 0) + (totals?.skipped ?? 0)
  console.log(JSON.stringify({ status, error, totals }))
  console.log(
    `${(moved / seconds).toFixed(0)} items/s, ${((user + system) / 1000 / moved).toFixed(3)} ms CPU an item, ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB`,
  )
}
await dynamo.close()
