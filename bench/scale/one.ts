/**
 * One migration of a synthetic library through the real jobs and a real table, in this process:
 * `node bench/scale/one.ts <count> <camera|random> <folder>`. Prints one JSON line.
 */
import { statSync } from "node:fs"
import { join } from "node:path"
import { readLanes } from "../../packages/functions/src/db/lanes.ts"
import { mustGetMigration } from "../../packages/functions/src/db/migrations.ts"
import { costOf } from "../../packages/functions/src/db/view.ts"
import { startDynamo } from "../../test/support/dynamodb.ts"
import { begin, testWorld } from "../../test/support/harness.ts"
import { cpuOf, peakOf } from "../measure.ts"
import type { One } from "./run.ts"
import { syntheticStore } from "./synthetic.ts"

process.env.POWERTOOLS_LOG_LEVEL = "SILENT"
const [count = "10000", names = "camera", folder = ""] = process.argv.slice(2)
if (names !== "camera" && names !== "random") throw new Error("camera or random")
const dbPath = join(folder, "table.sqlite")
const dynamo = await startDynamo({ dbPath })
const source = syntheticStore(names, Number(count), "source")
const destination = syntheticStore(names, Number(count), "destination")

const { world, run, published } = testWorld({
  open: async (ref) => (ref.type === "s3" && ref.bucket === "source" ? source : destination),
})
const bytesOf = () =>
  statSync(dbPath).size + (statSync(`${dbPath}-wal`, { throwIfNoEntry: false })?.size ?? 0)

async function move(): Promise<One> {
  const before = { cpu: cpuOf([process.pid]), bytes: bytesOf(), messages: published() }
  const start = performance.now()
  const row = await begin(world, {
    source: "s3://source/",
    destination: "s3://destination/",
    options: { lanes: 4, concurrency: 16 },
  })
  await run(4)
  const seconds = (performance.now() - start) / 1000
  const { status, totals } = await mustGetMigration("u1", row.id)
  if (status !== "completed" || totals?.discovered !== Number(count))
    throw new Error(`${status} ${JSON.stringify(totals)}`)
  const cost = costOf(await readLanes(row.id))
  return {
    seconds,
    cpu: cpuOf([process.pid]) - before.cpu,
    memory: peakOf([process.pid]).largest,
    messages: published() - before.messages,
    writes: cost.write_units,
    reads: cost.read_units,
    tableBytes: bytesOf() - before.bytes,
  }
}

const first = await move()
destination.fill()
const again = await move()
console.log(JSON.stringify({ first, again }))
await dynamo.close()
