/** One delivery that only plans (`dry_run`), with a real table: `node bench/listing/plan.ts <endpoint> <count>` prints its seconds. */
import { mustGetMigration } from "../../packages/functions/src/db/migrations.ts"
import { startDynamo } from "../../test/support/dynamodb.ts"
import { begin, testWorld } from "../../test/support/harness.ts"

const [endpoint = "", count = "0"] = process.argv.slice(2)
Object.assign(process.env, {
  IMGMIGRATOR_LOCAL: "1",
  POWERTOOLS_LOG_LEVEL: "SILENT",
  AWS_ACCESS_KEY_ID: "bench",
  AWS_SECRET_ACCESS_KEY: "bench-secret",
})
const dynamo = await startDynamo()
const { world, run } = testWorld()
const start = performance.now()
const row = await begin(world, {
  source: `s3://full?endpoint=${endpoint}`,
  destination: `s3://empty?endpoint=${endpoint}`,
  options: { dry_run: true, lanes: 1 },
})
await run(1)
const seconds = (performance.now() - start) / 1000
const { status, totals, error } = await mustGetMigration("u1", row.id)
if (status !== "completed" || totals?.discovered !== Number(count))
  throw new Error(`${status} ${JSON.stringify({ totals, error })}`)
console.log(seconds)
await dynamo.close()
