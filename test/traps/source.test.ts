import "../model/sim/environment.ts"
import { expect, test } from "vitest"
import { changeSource } from "../model/scene.ts"
import { once, stage } from "./stage.ts"

const large = "large-0.jpg"

test("trap 11: parts of two versions are never put together", async () => {
  const scene = await stage([large])
  const { work, until, rest, row, sources, destinations, sim } = scene
  work({ foresees: once(/^write large/, "dies after", 3) })
  await until(() => sim.workers.length === 0)
  changeSource(scene, 0, large)
  await sim.time.pass(31_000)
  work()
  await rest()
  expect(row()).toMatchObject({ status: "completed", totals: { migrated: 1 } })
  expect(destinations[0]?.objects.get(large)?.content.sha256).toBe(
    sources[0]?.objects.get(large)?.content.sha256,
  )
  expect(sim.broken).toEqual([])
})

test("trap 11: a version that comes between the first look and a read from the middle is read from its beginning", async () => {
  const scene = await stage([large])
  const { work, until, rest, row, sources, destinations, sim } = scene
  work({ foresees: once(/^write large/, "dies after", 3) })
  await until(() => sim.workers.length === 0)
  await sim.time.pass(31_000)
  const second = once(/^read large-0.jpg source-0/, true, 2)
  work({
    foresees: (what) => {
      if (second(what)) changeSource(scene, 0, large)
      return undefined
    },
  })
  await rest()
  expect(row()).toMatchObject({ status: "completed", totals: { migrated: 1 } })
  expect(destinations[0]?.objects.get(large)?.content.sha256).toBe(
    sources[0]?.objects.get(large)?.content.sha256,
  )
  expect(sim.broken).toEqual([])
})

test("trap 11: what is booked is what was read, however it was listed; what is gone fails as missing", async () => {
  const scene = await stage(["small-0.jpg", "small-1.jpg"])
  const { work, rest, row, lane, sources, sim } = scene
  const planned = once(/^TransactWrite/, true)
  work({
    foresees: (what) => {
      if (!planned(what)) return undefined
      sources[0]?.objects.delete("small-1.jpg")
      scene.versions = 1_000
      changeSource(scene, 0, "small-0.jpg")
      return undefined
    },
  })
  await rest()
  const size = sources[0]?.objects.get("small-0.jpg")?.content.size
  expect(row().totals).toMatchObject({ migrated: 1, failed: 1, bytes_migrated: size })
  expect(lane(0).plan?.bytes).not.toBe(size)
  expect(sim.tally.accepted("failed: source.missing")).toBe(1)
})
