import { Options } from "@imgmigrator/core/migration"
import { afterAll, beforeAll, expect, test } from "vitest"
import { claimLane, ensureLane, readLane } from "../../packages/functions/src/db/lanes.ts"
import { newMeter } from "../../packages/functions/src/db/meter.ts"
import { createMigration, startMigration } from "../../packages/functions/src/db/migrations.ts"
import { openSession } from "../../packages/functions/src/jobs/session.ts"
import { handClock } from "../faults/support/hand-clock.ts"
import { type Dynamo, startDynamo } from "../support/dynamodb.ts"

let dynamo: Dynamo
beforeAll(async () => {
  dynamo = await startDynamo()
})
afterAll(() => dynamo.close())

const minute = 60_000

/** Lane 0 of a running migration, held by a session whose time passes by hand. */
async function heldLane(id: string) {
  const clock = handClock()
  const { row } = await createMigration({
    userId: "u1",
    id,
    source: { type: "file", path: "/a" },
    destination: { type: "file", path: "/b" },
    options: Options.parse({}),
    at: clock.now(),
  })
  await startMigration(row, clock.now())
  await ensureLane(id, 0, "u1")
  const claim = await claimLane(id, 0, "me", clock.now())
  if (!("lane" in claim)) throw new Error("The lane is not free.")
  const [soft, hard] = [clock.now() + 2 * minute, clock.now() + 2 * minute]
  const session = openSession({ id, userId: "u1", lane: claim.lane, clock, meter: newMeter(), soft, hard })
  return { clock, session, stored: () => readLane(id, 0) }
}

test("a lane that finds others faster, again and again, keeps its lease", async () => {
  const { clock, session, stored } = await heldLane("mig_refused")
  // Nobody has handed out the first seven chunks: to take the eighth is refused.
  for (let seconds = 0; seconds < 40; seconds++) {
    clock.pass(1_000)
    await session.take(7, 8)
  }
  session.close()
  expect(await stored()).toMatchObject({ fence: 1, from: 0, to: 0 })
  expect((await stored())?.lease).toBeGreaterThan(clock.now())
  expect(session.isOver()).toBe(false)
})

test("a hand-out renews the lease and is known without another look", async () => {
  const { clock, session, stored } = await heldLane("mig_taken")
  clock.pass(3_000)
  await session.take(0, 2)
  session.close()
  expect(session.lane()).toMatchObject({ from: 0, to: 2, at: 0, lease: clock.now() + 30_000 })
  expect(await stored()).toEqual(session.lane())
})
