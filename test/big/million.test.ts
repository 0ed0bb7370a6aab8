import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { afterAll, beforeAll, expect, test } from "vitest"
import { readLanes } from "../../packages/functions/src/db/lanes.ts"
import { mustGetMigration } from "../../packages/functions/src/db/migrations.ts"
import { type Dynamo, startDynamo } from "../support/dynamodb.ts"
import { begin, temporaryFolder, testWorld } from "../support/harness.ts"

/** IMGMIGRATOR_LONG=1: a million images; else enough to see memory grow, if it does. */
const isLong = process.env.IMGMIGRATOR_LONG === "1"
const images = isLong ? 1_000_000 : 40_000
const mebibyte = 1024 * 1024

let dynamo: Dynamo
beforeAll(async () => {
  Object.assign(process.env, { IMGMIGRATOR_LOCAL: "1" })
  dynamo = await startDynamo()
})
afterAll(() => dynamo.close())

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")
function held(): number {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** A list that is made while it is read. First it is validated; `seen` hears how far planning is, in whatever delivery. */
async function endlessList(seen: (line: number) => void) {
  let readings = 0
  let furthest = -1
  const server = createServer(async (_, response) => {
    const isPlanned = ++readings > 1
    function* lines() {
      yield "url,name,size\n"
      for (let n = 0; n < images; n += 1000) {
        if (isPlanned && n > furthest) {
          furthest = n
          seen(n)
        }
        yield Array.from(
          { length: 1000 },
          (_, i) => `https://images.example/${n + i}.jpg,photos/${n + i}.jpg,4000000\n`,
        ).join("")
      }
    }
    response.writeHead(200, { etag: '"one"', "content-type": "text/csv" })
    await pipeline(Readable.from(lines()), response).catch(() => {})
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/list.csv`, [Symbol.asyncDispose]: async () => void server.close() }
}

test(`${images} images are planned in memory that does not grow with them`, {
  timeout: isLong ? 3_600_000 : 120_000,
}, async () => {
  const samples: number[] = []
  await using list = await endlessList((line) => {
    if (line % (images / 10) === 0) samples.push(held())
  })
  await using folder = await temporaryFolder()
  const { world, run } = testWorld()
  const row = await begin(world, {
    source: list.url,
    destination: `file:${folder.path}/to`,
    options: { dry_run: true, lanes: 1 },
  })
  await run()
  const ended = await mustGetMigration("u1", row.id)
  expect(ended).toMatchObject({
    status: "completed",
    totals: { discovered: images, skipped: images, remaining: 0 },
  })
  expect((await readLanes(row.id))[0]?.plan).toMatchObject({ discovered: images, complete: true })
  expect(samples).toHaveLength(10)
  const [early = 0, ...later] = samples.slice(1)
  // 64-bit hashes of the names, 8 bytes each and room to grow, are what a list may cost.
  const allowed = 2 * mebibyte + images * 32
  console.log(
    `planned ${images}: ${samples.map((bytes) => Math.round(bytes / mebibyte)).join(" ")} MB held, resident at most ${Math.round(process.resourceUsage().maxRSS / 1024)} MB`,
  )
  expect(Math.max(...later) - early).toBeLessThan(allowed)
})
