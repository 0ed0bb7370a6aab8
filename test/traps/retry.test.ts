import "../model/sim/environment.ts"
import { expect, test } from "vitest"
import { heal } from "../model/sim/store/place.ts"
import { images, once, stage } from "./stage.ts"

for (const when of ["dies before", "dies after"] as const)
  test(`trap 31: a retry whose planner ${when} its note of what it moves finds the same images again`, async () => {
    const { work, pass, until, rest, command, row, lane, sources, sim } = await stage(images("small", 4))
    for (const key of ["small-01.jpg", "small-02.jpg"]) sources[0]?.troubles.denied.add(key)
    work()
    await rest()
    expect(row()).toMatchObject({ status: "completed_with_failures", totals: { migrated: 2, failed: 2 } })
    for (const place of sources) heal(place)
    command("retry")
    await until(() => sim.queue.waiting.length > 0)
    work({ foresees: once(/^Put MOVED/, when) })
    await until(() => sim.workers.length === 0)
    await pass(31_000)
    await rest()
    expect(row()).toMatchObject({ status: "completed", totals: { discovered: 4, migrated: 4, failed: 0 } })
    expect(lane(0).plan).toMatchObject({ chunks: 2, retried: 2 })
    expect(sim.broken).toEqual([])
  })

test("trap 31: what fails in the first pass and in the second is tried once in the third", async () => {
  const { work, rest, command, row, lane, sources, sim } = await stage(images("small", 3))
  sources[0]?.troubles.denied.add("small-01.jpg")
  work()
  await rest()
  command("retry")
  await rest()
  expect(row()).toMatchObject({
    status: "completed_with_failures",
    pass: 1,
    totals: { migrated: 2, failed: 1 },
  })
  for (const place of sources) heal(place)
  command("retry")
  await rest()
  expect(row()).toMatchObject({
    status: "completed",
    pass: 2,
    totals: { discovered: 3, migrated: 3, failed: 0 },
  })
  expect(lane(0).plan).toMatchObject({ chunks: 3, retried: 2 })
  expect(sim.broken).toEqual([])
})

test("trap 31: a migration that runs is not retried", async () => {
  const { work, pass, rest, command, row, sim } = await stage(images("small", 2))
  work({ foresees: once(/^write small/, { slow: 3_000 }) })
  await pass(1_000)
  command("retry")
  await pass(500)
  expect(sim.tally.accepted("command: retry refused")).toBe(1)
  expect(row()).toMatchObject({ status: "running", pass: 0 })
  await rest()
  expect(row()).toMatchObject({ status: "completed", pass: 0 })
})

test("trap 32: one image that is refused fails alone", async () => {
  const { work, rest, row, sources, sim } = await stage(images("small", 5))
  sources[0]?.troubles.denied.add("small-03.jpg")
  work()
  await rest()
  expect(row()).toMatchObject({ status: "completed_with_failures", totals: { migrated: 4, failed: 1 } })
  expect(sim.tally.accepted("failed: source.denied")).toBe(1)
})

test("trap 32: credentials that are revoked in the middle stop the migration, and fail no image", async () => {
  const { work, pass, until, rest, command, row, lane, destinations, sim } = await stage(images("small", 9))
  const [destination] = destinations
  work({ foresees: (what) => (/^read small/.test(what) ? { slow: 400 } : undefined) })
  await until(() => (destination?.objects.size ?? 0) >= 3)
  if (destination) destination.troubles.whole = "revoked"
  await until(() => row().status === "failed")
  await until(() => sim.workers.length === 0)
  expect(row().error?.code).toBe("destination.denied")
  expect(lane(0)).toMatchObject({ done: { f: 0 }, now: { f: 0 } })
  if (destination) heal(destination)
  command("resume")
  await pass(1_000)
  await rest()
  expect(row().totals).toMatchObject({ migrated: 9, failed: 0 })
  expect(sim.broken).toEqual([])
})
