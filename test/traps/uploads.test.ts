import "../model/sim/environment.ts"
import { expect, test } from "vitest"
import { meddle } from "../model/scene.ts"
import type { Sim } from "../model/sim/sim.ts"
import { once, stage } from "./stage.ts"

const uploadRows = ({ table }: Sim) =>
  table.engine.partition("MIGRATION#mig_0").filter(({ sk }) => String(sk).startsWith("UPLOAD#"))

test("trap 27: a large image goes on behind its last part in the next delivery", async () => {
  const { work, until, rest, row, destinations, sim } = await stage(["large-0.jpg"])
  const begun = () => [...(destinations[0]?.uploads.values() ?? [])][0]
  work({ foresees: () => (begun()?.parts.size === 2 ? "dies before" : undefined) })
  await until(() => sim.workers.length === 0)
  expect(begun()?.parts.size).toBe(2)
  const calls: string[] = []
  await sim.time.pass(31_000)
  work({ foresees: (what) => void calls.push(what) })
  await rest()
  // Begun, and two parts are there: the third and the completion are what is left.
  expect(calls.filter((call) => call.startsWith("write large-0"))).toHaveLength(2)
  expect(row().status).toBe("completed")
  expect(sim.broken).toEqual([])
})

for (const when of ["dies before", "dies after"] as const)
  test(`trap 27: nothing half-way is left of a worker that ${when} the beginning of an upload`, async () => {
    const { work, until, rest, row, destinations, sim } = await stage(["large-0.jpg"])
    work({ foresees: once(/^write large-0/, when) })
    await until(() => sim.workers.length === 0)
    await sim.time.pass(31_000)
    await rest()
    expect(row().status).toBe("completed")
    expect([...(destinations[0]?.uploads.values() ?? [])]).toEqual([])
    expect(uploadRows(sim)).toEqual([])
  })

test("trap 27: an upload that the destination forgets in the middle begins again by itself", async () => {
  const { work, rest, row, destinations, sim } = await stage(["large-0.jpg"])
  const [destination] = destinations
  // Begun, the first part is there, and a rule of the bucket throws it away.
  const third = once(/^write large-0/, true, 3)
  work({
    foresees: (what) => {
      if (third(what)) destination?.uploads.clear()
      return undefined
    },
  })
  await rest()
  expect(row()).toMatchObject({ status: "completed", totals: { migrated: 1, failed: 0 } })
  expect(uploadRows(sim)).toEqual([])
})

test("trap 27: an upload whose beginning is never answered is thrown away, and so is one that a failed item leaves", async () => {
  const { work, rest, row, destinations, sim } = await stage(["large-0.jpg"])
  destinations[0]?.troubles.ahead.push("lost", "lost", "lost", "lost", "lost")
  work()
  await rest()
  expect(row().totals).toMatchObject({ discovered: 1, remaining: 0 })
  expect([...(destinations[0]?.uploads.values() ?? [])]).toEqual([])
  expect(uploadRows(sim)).toEqual([])
})

for (const [when, call] of [
  ["before it notes an upload", /^Query MIGRATION#mig_0$/],
  ["between its note and the upload's beginning", /^TransactWrite UPLOAD#/],
  ["at the upload's beginning", /^write large-0/],
] as const)
  test(`trap 27: a worker whose lane is taken ${when} leaves nothing behind`, async () => {
    const { work, until, sweep, rest, row, destinations, sim } = await stage(["large-0.jpg"])
    // Its lease has run out for everybody else, and it sleeps until another has done all the work.
    const sleeper = work({ skew: -40_000, foresees: once(call, { stalls: 20_000 }) })
    const { proc } = sleeper.running
    await until(() => proc.stalledUntil > 0)
    sweep()
    await until(() => sim.queue.waiting.length > 0)
    work()
    await until(() => row().status === "completed")
    expect(proc.stalledUntil).toBeGreaterThan(sim.time.now())
    await rest()
    expect(row()).toMatchObject({ status: "completed", totals: { migrated: 1, failed: 0 } })
    expect([...(destinations[0]?.uploads.values() ?? [])]).toEqual([])
    expect(uploadRows(sim)).toEqual([])
    expect(sim.broken).toEqual([])
  })

// What was on its way when a connection is closed arrives by chance: with half of the seeds.
for (const seed of [1, 2, 3, 4])
  for (const [when, call, befalls] of [
    ["between its note and the upload's beginning", /^TransactWrite UPLOAD#/, { stalls: 5_000 }],
    ["while the upload's beginning is on its way", /^write large-0/, { slow: 1_200 }],
  ] as const)
    test(`trap 27: nor does one whose time is up ${when} (seed ${seed})`, async () => {
      const { work, again, until, pass, rest, row, destinations, sim } = await stage(
        ["large-0.jpg"],
        {},
        { seed },
      )
      let met = 0
      const { proc } = work({
        span: 1_000,
        foresees: (what) => (call.test(what) && ++met === 1 ? befalls : undefined),
      }).running
      await until(() => met > 0)
      await pass(300)
      again({ skew: 45_000 })
      await until(() => row().status === "completed")
      expect(proc.alive).toBe(true)
      await until(() => !proc.alive)
      await pass(10_000)
      await rest()
      expect([...(destinations[0]?.uploads.values() ?? [])]).toEqual([])
      expect(uploadRows(sim)).toEqual([])
      expect(sim.broken).toEqual([])
    })

for (const call of [/^TransactWrite UPLOAD#/, /^Put UPLOAD#/, /^Delete UPLOAD#/])
  test(`trap 27: a table that does not answer ${call} fails the delivery, not the image`, async () => {
    const { work, rest, row, destinations, sim } = await stage(["large-0.jpg"])
    const { running } = work()
    // As often as an image is tried, and no delivery is as patient as that.
    for (let i = 0; i < 5; i++) running.proc.ahead.push({ trouble: "lost", in: 0, on: call })
    await rest()
    expect(row()).toMatchObject({ status: "completed", totals: { migrated: 1, failed: 0 } })
    expect([...(destinations[0]?.uploads.values() ?? [])]).toEqual([])
    expect(uploadRows(sim)).toEqual([])
    expect(sim.broken).toEqual([])
  })

test("trap 27: a destination that is slow to throw an upload away holds a delivery no longer than it lasts", async () => {
  const { work, rest, row, destinations, sim } = await stage(["large-0.jpg"])
  // Its beginning is not answered, so that it is found and thrown away before the next.
  destinations[0]?.troubles.ahead.push("lost")
  work({ span: 20_000, foresees: once(/^write large-0/, { slow: 60_000 }, 2) })
  await rest()
  expect(row()).toMatchObject({ status: "completed", totals: { migrated: 1, failed: 0 } })
  expect(uploadRows(sim)).toEqual([])
  expect(sim.broken).toEqual([])
})

test("trap 27: nor does one that is slow to throw away what a cancelled migration had begun", async () => {
  const { work, until, command, rest, row, destinations, sim } = await stage(["large-0.jpg"])
  work({ foresees: once(/^write large-0/, "dies after", 2) })
  await until(() => sim.workers.length === 0)
  command("cancel")
  await until(() => row().status === "cancelled")
  const { running } = work({ span: 20_000, foresees: once(/destination-0/, { slow: 60_000 }) })
  await until(() => !running.proc.alive)
  expect(sim.broken).toEqual([])
  // The message comes again, and finds the store well.
  await until(() => sim.queue.waiting.length > 0)
  await rest()
  expect([...(destinations[0]?.uploads.values() ?? [])]).toEqual([])
  expect(uploadRows(sim)).toEqual([])
})

test("trap 27: nor does one that is slow to throw away what is left when all else is done", async () => {
  const { work, pass, until, rest, row, sources, destinations, sim } = await stage(["large-0.jpg"])
  work({ foresees: once(/^write large-0/, "dies after", 2) })
  await until(() => sim.workers.length === 0)
  await pass(31_000)
  const [source] = sources
  if (source) meddle(source, "large-0.jpg", true)
  const { running } = work({
    span: 20_000,
    foresees: once(/^write large-0.jpg destination-0/, { slow: 60_000 }),
  })
  await until(() => !running.proc.alive)
  expect(row().status).toBe("running")
  await rest()
  expect(row()).toMatchObject({ status: "completed_with_failures", totals: { failed: 1 } })
  expect([...(destinations[0]?.uploads.values() ?? [])]).toEqual([])
  expect(uploadRows(sim)).toEqual([])
  expect(sim.broken).toEqual([])
})
