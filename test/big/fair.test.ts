import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest"
import { mustGetMigration } from "../../packages/functions/src/db/migrations.ts"
import type { World } from "../../packages/functions/src/jobs/world.ts"
import { type DeliveredService, startDelivered } from "../support/delivered.ts"
import { type Dynamo, startDynamo } from "../support/dynamodb.ts"
import { begin, temporaryFolder } from "../support/harness.ts"

/** Each image takes this long of a delivery's time, which is 20 s, and nothing else does. */
const imageMs = 4_000
const images = 16

let dynamo: Dynamo
let service: DeliveredService
beforeAll(async () => {
  Object.assign(process.env, { IMGMIGRATOR_LOCAL: "1", WORKER_CONCURRENCY: "2" })
  dynamo = await startDynamo()
})
afterAll(() => dynamo.close())
beforeEach(async () => {
  service = await startDelivered({
    meet: (_, delivered, world) => ({
      world: taxing(world),
      delivered: { ...delivered, deadline: world.clock.now() + 20_000 },
    }),
  })
})
afterEach(() => service.close())

function taxing(world: World): World {
  let read = 0
  return {
    ...world,
    clock: { ...world.clock, now: () => world.clock.now() + read * imageMs },
    open: async (ref) => {
      const store = await world.open(ref)
      return {
        ...store,
        open: (target, options) => {
          read += 1
          return store.open(target, options)
        },
      }
    },
  }
}

for (const [whose, userOf] of [
  ["of one user", () => "u1"],
  ["of ten users", (n: number) => `u${n}`],
] as const)
  test(`ten migrations ${whose} at once have their turns one after the other`, async () => {
    await using folder = await temporaryFolder()
    const rows = []
    for (let n = 0; n < 10; n++) {
      const source = join(folder.path, `from-${n}`)
      await mkdir(source)
      for (let i = 0; i < images; i++) await writeFile(join(source, `${i}.jpg`), `${n}-${i}`)
      rows.push(
        await begin(service.world, {
          id: `mig_${whose.replaceAll(" ", "-")}-${n}`,
          userId: userOf(n),
          source: `file:${source}`,
          destination: `file:${join(folder.path, `to-${n}`)}`,
          options: { lanes: 1, concurrency: 1 },
        }),
      )
    }
    // The first had turns before the last was there; from here on they are ten.
    const before = service.deliveries.length
    await service.qstash.idle()
    for (const { user_id, id } of rows)
      expect(await mustGetMigration(user_id, id)).toMatchObject({
        status: "completed",
        totals: { migrated: images, remaining: 0 },
      })
    // Two deliveries side by side: nobody is ever more than two turns ahead of one who still waits for his.
    const deliveries = service.deliveries.slice(before)
    const turns = new Map(rows.map(({ id }) => [id, 0]))
    const total = new Map(rows.map(({ id }) => [id, deliveries.filter((each) => each === id).length]))
    for (const id of deliveries) {
      turns.set(id, (turns.get(id) ?? 0) + 1)
      const waiting = rows.filter((row) => (turns.get(row.id) ?? 0) < (total.get(row.id) ?? 0))
      for (const other of waiting)
        expect((turns.get(id) ?? 0) - (turns.get(other.id) ?? 0)).toBeLessThanOrEqual(2)
    }
    for (const { id } of rows)
      expect(service.deliveries.filter((each) => each === id).length).toBeGreaterThanOrEqual(4)
  })
