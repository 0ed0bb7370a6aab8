import "../model/sim/environment.ts"
import { expect, test } from "vitest"
import { images, once, stage } from "./stage.ts"

test("trap 1: a booking whose answer is lost is sent once more, and counts once", async () => {
  const { work, rest, row, sim } = await stage(images("bulky", 3))
  work({ ahead: Array.from({ length: 9 }, () => ({ trouble: "repeated", in: 0, on: /^Update LANE/ })) })
  await rest()
  expect(sim.tally.accepted("table: repeated")).toBe(9)
  expect(row().totals).toMatchObject({ discovered: 3, migrated: 3, remaining: 0 })
  expect(sim.broken).toEqual([])
})

test("trap 12: outcomes that the table did not take are stored with the next ones, never only counted", async () => {
  const { work, rest, row, sim } = await stage(["bulky-0.jpg", "bulky-1.jpg"])
  work({ ahead: [{ trouble: "throttled", in: 0, on: /^Put OUTCOME/ }] })
  await rest()
  expect(sim.broken).toEqual([])
  expect(row()).toMatchObject({ status: "completed", totals: { migrated: 2 } })
})

test("trap 12: what a chunk was booked with stays, whatever segments of other holders come later", async () => {
  const { work, rest, row, sim, sources, until, pass, lane } = await stage(["small-0.jpg"])
  // The first holder stores what the second did not see; the third, whose clock is fast, books that; the second, which
  // has found the image gone meanwhile, stores last.
  work({ foresees: once(/^write small/, { stalls: 45_000 }) })
  await pass(43_000)
  sources[0]?.objects.delete("small-0.jpg")
  sim.queue.waiting.push(...sim.queue.past)
  work({ foresees: once(/^read small-0.jpg source/, { stalls: 10_000 }, 2) })
  await pass(5_000)
  expect(lane(0)).toMatchObject({ fence: 2, at: 0, to: 1 })
  sim.queue.waiting.push(...sim.queue.past.slice(0, 1))
  work({ skew: 45_000 })
  await until(() => row().status === "completed")
  await rest()
  expect(sim.broken).toEqual([])
})
