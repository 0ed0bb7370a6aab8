import { createHash } from "node:crypto"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { turnOf } from "@imgmigrator/core/turn"
import fc from "fast-check"
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest"
import { readLanes } from "../../packages/functions/src/db/lanes.ts"
import { mustGetMigration, resumeMigration } from "../../packages/functions/src/db/migrations.ts"
import type { MigrationRow } from "../../packages/functions/src/db/rows.ts"
import { addMessages } from "../../packages/functions/src/db/usage.ts"
import { sweep } from "../../packages/functions/src/jobs/sweep.ts"
import { wakeMigration } from "../../packages/functions/src/jobs/wake.ts"
import { type DeliveredService, startDelivered } from "../support/delivered.ts"
import { type Dynamo, startDynamo } from "../support/dynamodb.ts"
import { begin, temporaryFolder } from "../support/harness.ts"

const hour = 3_600_000
const day = 24 * hour

let dynamo: Dynamo
beforeAll(async () => {
  process.env.IMGMIGRATOR_LOCAL = "1"
  dynamo = await startDynamo()
})
afterAll(() => dynamo.close())

/** Ms that a delivery of a migration has; 0: it is over as soon as it begins, and its lane goes on in another. */
const spans = new Map<string, number>()

let nextDay = Math.floor(Date.now() / day) * day
let stage: DeliveredService
beforeEach(async () => {
  nextDay += 7 * day
  process.env.QSTASH_PLAN = "free"
  stage = await startDelivered({
    start: nextDay,
    quota: "free",
    meet: (id, delivered, { clock }) => ({
      delivered: { ...delivered, deadline: clock.now() + (spans.get(id) ?? 60_000) },
    }),
  })
})
afterEach(() => stage.close())

/** Messages of somebody else who uses the same account. */
async function spend(messages: number) {
  const { qstash, elsewhere } = stage
  for (let left = messages; left > 0; left -= 100) {
    const items = Array.from({ length: Math.min(100, left) }, () => ({ destination: elsewhere, body: "{}" }))
    const headers = { authorization: `Bearer ${qstash.token}` }
    const answer = await fetch(`${qstash.url}/v2/batch`, {
      method: "POST",
      headers,
      body: JSON.stringify(items),
    })
    expect(answer.status).toBe(200)
  }
  await qstash.idle()
}

const used = () => addMessages(stage.clock.now(), 0)

/** A migration of three files; with `lanes` 1, so that each delivery sends at most one message. */
async function migration(folder: string, name: string, span?: number): Promise<MigrationRow> {
  const source = join(folder, name)
  await mkdir(source)
  for (const file of ["a.jpg", "b.jpg", "c.jpg"]) await writeFile(join(source, file), name)
  const id = `mig_${createHash("sha256").update(`${name}${stage.clock.now()}`).digest("hex").slice(0, 20)}`
  if (span !== undefined) spans.set(id, span)
  const destination = `file:${join(folder, `${name}-to`)}`
  return begin(stage.world, { id, source: `file:${source}`, destination, options: { lanes: 1 } })
}

const now = (row: MigrationRow) => mustGetMigration(row.user_id, row.id)
const everything = { migrated: 3, failed: 0, remaining: 0 }

test("a lane that goes on and on keeps to the day's messages, says so, and a small migration does not wait", async () => {
  await using folder = await temporaryFolder()
  const { clock, qstash, world } = stage
  const start = clock.now()
  await addMessages(start, 245)
  const large = await migration(folder.path, "large", 0)
  await clock.advance(2 * hour)
  // A quarter at once; the rest, but for a tenth that is kept, over the day: at two o'clock 54 of 650.
  expect(await used()).toBeGreaterThan(300)
  expect(await used()).toBeLessThan(310)
  const waiting = (await now(large)).waiting
  expect(waiting?.reason).toBe("The 1000 messages a day of QSTASH_PLAN are spread over the day.")
  expect(Date.parse(waiting?.until ?? "")).toBeGreaterThan(clock.now())
  expect(Date.parse(waiting?.until ?? "")).toBeLessThan(clock.now() + 5 * 60_000)
  const sent = qstash.stats().published
  expect(await sweep(world)).toMatchObject({ active: 1, sent: 0 })

  const small = await migration(folder.path, "small")
  await qstash.idle()
  expect(await now(small)).toMatchObject({ status: "completed", totals: everything })
  expect(qstash.stats().published).toBe((sent ?? 0) + 1)

  spans.delete(large.id)
  await clock.advance("1h")
  expect(await now(large)).toMatchObject({ status: "completed", totals: everything })
})

test("what a day has no messages for goes on when the next begins", async () => {
  await using folder = await temporaryFolder()
  const { clock } = stage
  await clock.advance(20 * hour)
  await addMessages(clock.now(), 895)
  const row = await migration(folder.path, "late", 0)
  await clock.advance("5m")
  // Its first five messages are its own; the sixth is of the tenth that is not for going on.
  expect(await used()).toBe(901)
  const { waiting } = await now(row)
  expect(Date.parse(waiting?.until ?? "") % day).toBe(0)
  spans.delete(row.id)
  await clock.advance(4 * hour)
  expect(await now(row)).toMatchObject({ status: "completed", totals: everything })
})

test("where the account's day is used up, migrations wait for the next one, and no image fails", async () => {
  await using folder = await temporaryFolder()
  const { clock, qstash, world } = stage
  const midnight = new Date(clock.now() + day).toISOString()
  await spend(999)
  const running = await migration(folder.path, "running", 0)
  await qstash.idle()
  const fresh = await migration(folder.path, "fresh")
  const reason = "QStash's messages of today are used up (1000 a day)."
  expect(await now(running)).toMatchObject({ status: "running", waiting: { reason, until: midnight } })
  expect(await now(fresh)).toMatchObject({ status: "pending", waiting: { reason, until: midnight } })
  // What was refused is no message.
  expect(await used()).toBe(1)

  const published = qstash.stats().published
  for (let hours = 0; hours < 23; hours += 1) {
    await clock.advance("1h")
    expect(await sweep(world)).toMatchObject({ active: 2, sent: 0, unreachable: 0 })
  }
  expect(qstash.stats().published).toBe(published)
  spans.clear()
  await clock.advance("1h")
  expect(await sweep(world)).toMatchObject({ active: 2, sent: 2, unreachable: 0 })
  await qstash.idle()
  for (const row of [running, fresh])
    expect(await now(row)).toMatchObject({ status: "completed", totals: everything })
})

test("what the plan refuses is asked again each quarter of an hour, and never taken for a service that can't be reached", async () => {
  await using folder = await temporaryFolder()
  const { clock, qstash, world } = stage
  qstash.faults.arm("publish-412", { times: Number.POSITIVE_INFINITY })
  const row = await migration(folder.path, "refused")
  for (let minutes = 0; minutes < 240; minutes += 5) {
    await clock.advance("5m")
    expect(await sweep(world)).toMatchObject({ active: 1, sent: 0, unreachable: 0 })
    const { waiting } = await now(row)
    expect(waiting?.reason).toContain("compare QSTASH_PLAN")
    expect(Date.parse(waiting?.until ?? "")).toBeGreaterThan(clock.now())
  }
  expect(await readLanes(row.id)).toMatchObject([{ sent: 0, sends: 0 }])
  qstash.faults.clear()
  for (let minutes = 0; minutes < 15; minutes += 5) {
    await clock.advance("5m")
    await sweep(world)
  }
  await qstash.idle()
  expect(await now(row)).toMatchObject({ status: "completed", totals: everything })
})

test("with a larger plan, a resume goes on at once", async () => {
  await using folder = await temporaryFolder()
  const { qstash, world } = stage
  qstash.faults.arm("publish-429-daily")
  const row = await migration(folder.path, "upgraded")
  expect((await now(row)).waiting).toBeDefined()
  await resumeMigration("u1", row.id, world.clock.now())
  await wakeMigration(row, world)
  await qstash.idle()
  expect(await now(row)).toMatchObject({ status: "completed", totals: everything })
})

test("every attempt to deliver counts, as it is billed", async () => {
  await using folder = await temporaryFolder()
  const { clock, qstash } = stage
  qstash.faults.arm("lose-response", { times: 2 })
  await migration(folder.path, "repeated")
  await clock.advance("5m")
  expect(qstash.stats().attempts).toBe(3)
  expect(await used()).toBe(3)
})

test("turns are in the order of asking, never in the past, and at the latest when the next day begins", () => {
  const start = Date.UTC(2026, 10, 24)
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3_000 }),
      fc.integer({ min: 100, max: 1_000_000 }),
      fc.integer({ min: 0, max: day - 1 }),
      (n, limit, passed) => {
        const at = start + passed
        const turn = turnOf(n, limit, at)
        expect(turn).toBeGreaterThanOrEqual(at)
        expect(turn).toBeLessThanOrEqual(start + day)
        expect(turnOf(n + 1, limit, at)).toBeGreaterThanOrEqual(turn)
        if (n <= limit / 4) expect(turn).toBe(at)
      },
    ),
  )
})
