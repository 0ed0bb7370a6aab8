import "../model/sim/environment.ts"
import { expect, test } from "vitest"
import { restartLocal } from "../model/sim/deliver.ts"
import { images, once, stage } from "./stage.ts"

test("trap 14: a message that comes again while the dead worker's lease lives waits for its end, and the lane goes on", async () => {
  const { work, flow, row, sim } = await stage(images("small", 3))
  work({ foresees: once(/^write small/, "dies before") })
  await flow(() => row().status === "completed")
  expect(sim.tally.accepted("delivery: busy")).toBe(1)
  expect(sim.tally.accepted("queue: dead letter")).toBe(0)
  expect(sim.time.now()).toBeLessThan(60_000)
})

test("trap 15: a resume between a worker's seeing the pause and its letting go is not lost", async () => {
  const scene = await stage(images("bulky", 4))
  const { work, until, flow, command, row, sim } = scene
  const first = once(/^read bulky-00.jpg source/, true)
  let isResumed = false
  work({
    foresees: (what) => {
      if (first(what)) {
        command("pause")
        return { slow: 60_000 }
      }
      // The pause was seen: what is done is booked, then the lane is let go.
      if (row().status !== "paused" || isResumed || !what.startsWith("Update LANE")) return undefined
      isResumed = true
      command("resume")
      return { slow: 2_000 }
    },
  })
  await until(() => isResumed && row().status === "running")
  await flow(() => row().status === "completed")
  expect(sim.tally.accepted("delivery: busy")).toBe(1)
  expect(sim.broken).toEqual([])
})

test("trap 17: what is sent again on purpose within ten minutes is not taken for what was sent before", async () => {
  const { pass, sweep, flow, row, sim } = await stage(images("small", 1))
  sim.queue.waiting.length = 0
  await pass(61_000)
  sweep()
  await pass(1_000)
  expect(sim.queue.waiting).toHaveLength(1)
  expect(sim.tally.accepted("queue: deduplicated")).toBe(0)
  await flow(() => row().status === "completed")
})

test("trap 18: after the local service was killed nothing waits for a lease or a message that nobody has", async () => {
  const { work, pass, flow, row, sim } = await stage(images("bulky", 3))
  work()
  await pass(100)
  expect(sim.workers).toHaveLength(1)
  restartLocal(sim)
  const again = sim.time.now()
  await flow(() => row().status === "completed")
  expect(sim.time.now() - again).toBeLessThan(5_000)
  expect(sim.broken).toEqual([])
})

test("trap 19: a lease from a clock that is an hour ahead does not stop a lane for an hour", async () => {
  const { work, flow, row, sim } = await stage(images("small", 3))
  work({ skew: 3_600_000, foresees: once(/^write small/, "dies before") })
  await flow(() => row().status === "completed")
  expect(sim.time.now()).toBeLessThan(60_000)
  expect(row().totals).toMatchObject({ migrated: 3 })
  expect(sim.broken).toEqual([])
})
