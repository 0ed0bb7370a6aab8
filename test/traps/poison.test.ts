import "../model/sim/environment.ts"
import { expect, test } from "vitest"
import { deliver } from "../model/sim/deliver.ts"
import { once, type Stage, stage } from "./stage.ts"

/** Deliver whatever waits, each time to a worker that is met by this, until nothing is left to do. */
async function workThrough(stage: Stage, meet: (worker: ReturnType<typeof deliver>) => void) {
  const { sim, row } = stage
  for (let minutes = 0; minutes < 120 && row().status !== "completed_with_failures"; minutes++) {
    if (row().status === "completed") return
    for (const letter of sim.queue.waiting.splice(0)) meet(deliver(sim, letter, { span: 120_000 }))
    await sim.time.pass(60_000, () => sim.workers.length === 0)
    await sim.time.pass(60_000)
    stage.sweep()
    await sim.time.pass(1_000)
  }
}

test("trap 16: an image that kills its worker every time fails alone, and all others arrive", async () => {
  const keys = ["small-0.jpg", "small-1.jpg", "small-2.jpg", "bulky-0.jpg", "bulky-1.jpg"]
  const scene = await stage(keys, { concurrency: 4 })
  await workThrough(scene, ({ running }) => {
    running.proc.foresees = (what) => (/^read small-1.jpg source/.test(what) ? "dies before" : undefined)
  })
  expect(scene.row()).toMatchObject({
    status: "completed_with_failures",
    totals: { migrated: 4, failed: 1 },
  })
  expect(scene.sim.tally.accepted("failed: worker.crashed")).toBe(1)
  expect(scene.sim.broken).toEqual([])
})

test("trap 16: a table that is out of order does not make an image a poison", async () => {
  const scene = await stage(["small-0.jpg", "small-1.jpg", "small-2.jpg"])
  let workers = 0
  await workThrough(scene, ({ running }) => {
    if (workers++ >= 6) return
    // All that is done is to be booked, and the table takes nothing.
    for (let i = 0; i < 10; i++) running.proc.ahead.push({ trouble: "throttled", in: 0, on: /^Put OUTCOME/ })
  })
  expect(scene.row()).toMatchObject({ status: "completed", totals: { migrated: 3, failed: 0 } })
  expect(scene.sim.broken).toEqual([])
})

test("an image whose source never answers fails alone, though no two tries of it fit into one delivery", async () => {
  const scene = await stage(["small-0.jpg", "small-1.jpg", "small-2.jpg"])
  scene.sources[0]?.troubles.hanging.add("small-1.jpg")
  await workThrough(scene, () => {})
  expect(scene.row()).toMatchObject({
    status: "completed_with_failures",
    totals: { migrated: 2, failed: 1 },
  })
  expect(scene.sim.tally.accepted("failed: source.unreachable")).toBe(1)
  expect(scene.sim.broken).toEqual([])
})

test("an image that comes more slowly than any delivery lasts fails alone, after several of them", async () => {
  const scene = await stage(["small-0.jpg", "small-1.jpg", "small-2.jpg"])
  scene.sources[0]?.troubles.trickling.add("small-1.jpg")
  await workThrough(scene, () => {})
  expect(scene.row()).toMatchObject({
    status: "completed_with_failures",
    totals: { migrated: 2, failed: 1 },
  })
  expect(scene.sim.tally.accepted("failed: source.slow")).toBe(1)
  expect(scene.sim.broken).toEqual([])
})

test("trap 16: a worker that sleeps until it must give up its lane does not make its image a poison", async () => {
  const { work, until, rest, row, sim } = await stage(["small-0.jpg"], { concurrency: 1 })
  for (let n = 0; n < 3; n++) {
    work({ foresees: once(/^read small-0.jpg source/, "dies before") })
    await until(() => sim.workers.length === 0)
    await sim.time.pass(31_000)
  }
  work({ foresees: once(/^read small-0.jpg source/, { stalls: 28_000 }) })
  await rest()
  expect(row()).toMatchObject({ status: "completed", totals: { migrated: 1, failed: 0 } })
  expect(sim.broken).toEqual([])
})

for (const span of [1_000, 20_000, 120_000])
  test(`trap 16: workers that lose their lane while they live make no image a poison for one of ${span} ms`, async () => {
    const { work, again, until, pass, rest, row, sim } = await stage(["small-0.jpg"], { concurrency: 1 })
    const slow = () => once(/^read small-0.jpg source/, { slow: 3_000 })
    for (let n = 0; n < 3; n++) {
      work({ foresees: once(/^read small-0.jpg source/, "dies before") })
      await until(() => sim.workers.length === 0)
      await pass(31_000)
    }
    // One clock is ahead: its worker takes the lane from who has it, and looks to the next like a leftover of a clock
    // that has been put right.
    work({ foresees: slow() })
    await pass(1_000)
    again({ skew: 45_000, foresees: slow() })
    await pass(1_000)
    again({ span })
    await rest()
    expect(row()).toMatchObject({ status: "completed", totals: { migrated: 1, failed: 0 } })
    expect(sim.broken).toEqual([])
  })
