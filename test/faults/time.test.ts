import { readdir } from "node:fs/promises"
import { nothingDone } from "@imgmigrator/core/lane"
import { expect, test } from "vitest"
import { claimLane, readLane } from "../../packages/functions/src/db/lanes.ts"
import {
  mustGetMigration,
  pauseMigration,
  resumeMigration,
} from "../../packages/functions/src/db/migrations.ts"
import { readUploads } from "../../packages/functions/src/db/uploads.ts"
import { cancel } from "../../packages/functions/src/jobs/cancel.ts"
import { sweep } from "../../packages/functions/src/jobs/sweep.ts"
import { wakeMigration } from "../../packages/functions/src/jobs/wake.ts"
import { temporaryFolder } from "../support/harness.ts"
import { on, writes } from "./support/cases.ts"
import { handClock } from "./support/hand-clock.ts"
import { allMigrated, images, keys, type Scene, startScene } from "./support/scene.ts"
import { useTable } from "./support/table.ts"

useTable()

const video = "videos/long.mov"
const long = Buffer.alloc(9 * 1024 * 1024, images[keys[0] ?? ""])
const day = 86_400_000

const next = ({ queue }: Scene) => {
  const message = queue.shift()
  if (!message) throw new Error("There is no message.")
  return message
}

/** A delivery that is at work on what never comes to its end by itself. */
async function atWork(scene: Scene, when: Parameters<Scene["source"]["hold"]>[0], options: object = {}) {
  const gate = scene.destination.hold(when)
  const row = await scene.begin(options)
  const delivered = scene.deliver(next(scene))
  await gate.arrived
  return { row, delivered, gate }
}

test.each(["pause", "cancel"] as const)(
  "%s: work ends within two seconds, and nothing half-way has a final name",
  async (command) => {
    const clock = handClock()
    const scene = await startScene({ clock })
    await scene.fill()
    const { row, delivered } = await atWork(scene, writes)
    await (command === "pause" ? pauseMigration("u1", row.id, 0) : cancel("u1", row.id, scene.world))
    clock.pass(1_000)
    expect(await delivered).toEqual({ outcome: "done" })
    const arrived = await scene.to.all()
    for (const [key, bytes] of Object.entries(arrived))
      expect(bytes.equals(images[key] ?? Buffer.alloc(0))).toBe(true)
    expect(Object.keys(arrived).length).toBeLessThan(6)
    expect((await mustGetMigration("u1", row.id)).status).toBe(command === "pause" ? "paused" : "cancelled")
  },
)

test("a paused large image keeps its parts under no name; resumed after a day it goes on, and cancelled it leaves nothing", async () => {
  const clock = handClock()
  const scene = await startScene({ clock })
  await scene.from.put(video, long)
  const part = ({ path }: { readonly path: string }) => path.includes("partNumber=2")
  const { row, delivered } = await atWork(scene, part)
  await pauseMigration("u1", row.id, 0)
  clock.pass(1_000)
  await delivered
  expect([await scene.to.keys(), await scene.to.uploads()]).toEqual([[], 1])

  clock.pass(day)
  await resumeMigration("u1", row.id, 0)
  await wakeMigration(row, scene.world)
  const gate = scene.destination.hold(part)
  const again = scene.deliver(next(scene))
  await gate.arrived
  expect(scene.s3.requests.filter(({ operation }) => operation === "UploadPart")).toHaveLength(1)
  await cancel("u1", row.id, scene.world)
  clock.pass(1_000)
  await again
  expect([await scene.to.keys(), await scene.to.uploads(), await readUploads(row.id)]).toEqual([[], 0, []])
})

test("resumed after a day, when the destination has thrown the parts away, a large image begins again", async () => {
  const scene = await startScene()
  await scene.from.put(video, long)
  const { row, delivered } = await atWork(scene, ({ path }) => path.includes("partNumber=2"))
  await pauseMigration("u1", row.id, 0)
  await delivered
  await scene.to.abortUploads()
  scene.clock.pass(day)
  await resumeMigration("u1", row.id, scene.clock.now())
  await wakeMigration(row, scene.world)
  expect((await scene.drive(row.id)).outcomes).toEqual({ [video]: "migrated" })
  expect((await scene.to.get(video))?.equals(long)).toBe(true)
  expect(await scene.to.uploads()).toBe(0)
})

test.each(["pause", "cancel"] as const)(
  "%s, into a folder: nothing half-way is there, under no name",
  async (command) => {
    await using folder = await temporaryFolder()
    const clock = handClock()
    const scene = await startScene({ clock })
    await scene.from.put(video, long)
    scene.s3.faults.inject({ effect: { kind: "stall", after: 8_700_000 }, when: on("GetObject", video) })
    const row = await scene.begin({ destination: `file:${folder.path}` })
    const delivered = scene.deliver(next(scene))
    const part = async () =>
      (await readdir(folder.path, { recursive: true })).some((name) => name.endsWith(".log"))
    await expect.poll(part, { timeout: 20_000 }).toBe(true)
    await (command === "pause" ? pauseMigration("u1", row.id, 0) : cancel("u1", row.id, scene.world))
    clock.pass(1_000)
    expect(await delivered).toEqual({ outcome: "done" })
    const there = await readdir(folder.path, { recursive: true })
    expect(there.filter((name) => name.endsWith(".mov"))).toEqual([])
    // What a resume goes on from stays under a name of its own; a cancel throws it away.
    expect(there.some((name) => name.includes("up-"))).toBe(command === "pause")
  },
)

test("a lease that outlives its worker is waited for, and then the work goes on", async () => {
  const scene = await startScene()
  await scene.fill()
  const row = await scene.begin()
  await claimLane(row.id, 0, "a worker that is killed now", scene.clock.now())
  const message = next(scene)
  const busy = await scene.deliver(message, 1)
  expect(busy).toMatchObject({ outcome: "busy" })
  expect(busy.retryAfterSeconds).toBeGreaterThanOrEqual(29)
  scene.clock.pass(1000 * (busy.retryAfterSeconds ?? 0))
  scene.queue.push(message)
  expect(await scene.drive(row.id)).toMatchObject({ row: { status: "completed" }, outcomes: allMigrated })
})

test("no sweeper for an hour, and then two at once: one message is sent, and all arrives", async () => {
  const scene = await startScene()
  await scene.fill()
  const row = await scene.begin()
  next(scene)
  scene.clock.pass(3_600_000)
  await Promise.all([sweep(scene.world), sweep(scene.world)])
  const mine = scene.queue.filter(({ migration_id }) => migration_id === row.id)
  expect(mine).toHaveLength(1)
  scene.queue.splice(0, scene.queue.length, ...mine)
  expect((await scene.drive(row.id)).outcomes).toEqual(allMigrated)
})

test("a worker that goes on when its lease was taken counts nothing more: its lane is its successor's", async () => {
  const scene = await startScene()
  await scene.fill()
  const { row, delivered, gate } = await atWork(scene, writes, { options: { concurrency: 1 } })
  const taken = await claimLane(row.id, 0, "its successor", scene.clock.now() + 31_000)
  expect(taken).toMatchObject({ lane: { fence: 2 } })
  gate.open()
  expect(await delivered).toEqual({ outcome: "done" })
  const { status } = await mustGetMigration("u1", row.id)
  expect([status, (await readLane(row.id, 0))?.done, (await readLane(row.id, 0))?.fence]).toEqual([
    "running",
    nothingDone,
    2,
  ])
  scene.clock.pass(62_000)
  const { row: ended, outcomes } = await scene.drive(row.id)
  expect(ended).toMatchObject({ status: "completed", totals: { migrated: 6 } })
  expect(outcomes).toEqual(allMigrated)
})
