import "../model/sim/environment.ts"
import { expect, test } from "vitest"
import { changeSource } from "../model/scene.ts"
import { images, once, stage } from "./stage.ts"

test("trap 2: lanes that have caught up with a slow planner do not end the migration", async () => {
  const { work, until, rest, row, lane, sim } = await stage(images("bulky", 12), { lanes: 2 })
  work({ foresees: once(/^Put MANIFEST/, { slow: 20_000 }, 6) })
  await until(() => sim.queue.waiting.length > 0)
  work()
  await until(() => sim.workers.length === 1)
  expect(lane(1).done.m).toBe(lane(0).plan?.discovered)
  expect(lane(0).plan?.complete).toBe(false)
  expect(row().status).toBe("running")
  await rest()
  expect(row()).toMatchObject({ status: "completed", totals: { discovered: 12, migrated: 12 } })
})

test("trap 2: a migration of nothing, and one with nothing to copy, end without a sweeper", async () => {
  const nothing = await stage([])
  await nothing.flow(() => nothing.row().status === "completed")
  expect(nothing.row().totals?.discovered).toBe(0)

  const existing = images("small", 5).map((key) => ({ key, isSame: true }))
  const same = await stage(images("small", 5), {}, { existing })
  await same.flow(() => same.row().status === "completed")
  expect(same.row().totals).toMatchObject({ discovered: 5, skipped: 5 })
})

test("trap 2: what the planner finds to need nothing is booked by itself, and read by nobody", async () => {
  const keys = images("small", 5)
  const existing = keys.map((key) => ({ key, isSame: true }))
  const { work, until, row, lane, sim } = await stage(keys, { lanes: 2 }, { existing })
  const calls: string[] = []
  work({ foresees: (what) => void calls.push(what) })
  await until(() => row().status === "completed")
  expect(row().totals).toMatchObject({ discovered: 5, skipped: 5 })
  expect(lane(0)).toMatchObject({ from: 0, to: 1, at: 1, done: { s: 5 } })
  expect(calls.filter((what) => what.startsWith("TransactWrite"))).toHaveLength(1)
  expect(calls).not.toContain("Query MIGRATION#mig_0#0")
  expect(sim.queue.waiting).toEqual([])
  expect(sim.broken).toEqual([])
})

for (const when of ["dies before", "dies after"] as const)
  test(`trap 2: what a planner that ${when} booking it found to need nothing is booked once`, async () => {
    const keys = images("small", 5)
    const existing = keys.map((key) => ({ key, isSame: true }))
    const { work, pass, until, rest, row, sim } = await stage(keys, { lanes: 2 }, { existing })
    work({ foresees: once(/^TransactWrite/, when) })
    await until(() => sim.workers.length === 0)
    await pass(31_000)
    await rest()
    expect(row()).toMatchObject({ status: "completed", totals: { discovered: 5, skipped: 5 } })
    expect(sim.broken).toEqual([])
  })

test("trap 2: behind a chunk with something to copy, what needs nothing is booked by whoever copies", async () => {
  const keys = [...images("bulky", 1), ...images("small", 5)]
  const existing = images("small", 5).map((key) => ({ key, isSame: true }))
  const { flow, row, sim } = await stage(keys, { lanes: 1 }, { existing })
  await flow(() => row().status === "completed")
  expect(row().totals).toMatchObject({ discovered: 6, migrated: 1, skipped: 5 })
  expect(sim.broken).toEqual([])
})

test("trap 2: a plan that turns out to be complete behind the last booking ends the migration", async () => {
  const { work, until, flow, row, lane, sim } = await stage(images("bulky", 5), { lanes: 2 })
  work({ span: 250, foresees: once(/^list a page source-0/, { slow: 300 }, 2) })
  await until(() => sim.workers.length === 0)
  const other = sim.queue.waiting.findIndex(({ message }) => message.lane === 1)
  sim.queue.waiting.unshift(...sim.queue.waiting.splice(other, 1))
  work()
  await until(() => sim.workers.length === 0)
  expect(lane(1).done.m).toBe(5)
  expect(lane(0).plan).toMatchObject({ complete: false, chunks: 5 })
  expect(row().status).toBe("running")
  await flow(() => row().status === "completed")
  expect(row().totals).toMatchObject({ discovered: 5, migrated: 5 })
  expect(sim.broken).toEqual([])
})

test("trap 3: a planner that was overtaken does not put its list in the place of its successor's", async () => {
  const scene = await stage(images("small", 2))
  const { work, pass, until, rest, row, sim } = scene
  const planned = () => sim.table.engine.get({ pk: "MIGRATION#mig_0#0", sk: "MANIFEST" })
  work({ foresees: once(/^Put MANIFEST/, { stalls: 50_000, slow: 50_000 }) })
  await pass(40_000)
  changeSource(scene, 0, "small-02.jpg")
  sim.queue.waiting.push(...sim.queue.past)
  work()
  await until(() => row().status === "completed")
  const before = planned()
  await pass(30_000)
  await rest()
  expect(planned()).toEqual(before)
  expect(row().totals).toMatchObject({ discovered: 3, migrated: 3 })
  expect(sim.broken).toEqual([])
})

test("trap 7: a planner's successor lists on behind the last image that was planned", async () => {
  const { work, until, rest, row, sim } = await stage(images("bulky", 30))
  work({ foresees: once(/^Put MANIFEST/, "dies before", 22) })
  await until(() => sim.workers.length === 0)
  await sim.time.pass(31_000)
  const calls: string[] = []
  work({ foresees: (what) => void calls.push(what) })
  await rest()
  // Twenty are planned: pages of three, and one that is empty.
  expect(calls.filter((what) => what === "list a page source-0")).toHaveLength(5)
  expect(row().totals).toMatchObject({ discovered: 30, migrated: 30 })
  expect(sim.broken).toEqual([])
})

test("trap 7: chunks end where they are full, not where a page ends", async () => {
  const keys = images("small", 40)
  const existing = keys.map((key, i) => ({ key, isSame: i % 8 > 0 }))
  const { work, rest, row, lane } = await stage(keys, {}, { existing })
  work()
  await rest()
  expect(row().totals).toMatchObject({ discovered: 40, skipped: 35, migrated: 5 })
  expect(lane(0).plan?.chunks).toBe(1)
})

for (const [how, after] of [
  ["answers 503", "completed"],
  ["refuses us", "failed"],
] as const)
  test(`trap 8: a destination whose listing ${how} is not taken for an empty one`, async () => {
    const existing = [{ key: "small-00.jpg", isSame: false }]
    const { work, rest, row, destinations } = await stage(
      images("small", 1),
      { overwrite: "never" },
      { existing },
    )
    const [destination] = destinations
    if (how === "refuses us") destination?.troubles.denied.add("a page")
    else destination?.troubles.ahead.push("busy", "busy")
    work()
    await rest()
    expect(row().status).toBe(after)
    expect(destination?.history).toHaveLength(1)
  })
