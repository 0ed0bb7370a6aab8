import "../model/sim/environment.ts"
import { expect, test } from "vitest"
import { migrationView } from "../../packages/functions/src/db/view.ts"
import { images, once, stage } from "./stage.ts"

test("trap 29: what arrived before a cancel is in the books", async () => {
  const { work, until, command, row, lane, destinations, sim } = await stage(images("small", 8))
  const arrived = () => destinations[0]?.objects.size ?? 0
  work({ foresees: (what) => (/^read/.test(what) ? { slow: 700 } : undefined) })
  await until(() => arrived() >= 4)
  command("cancel")
  await until(() => row().status === "cancelled" && sim.workers.length === 0)
  const { done, now } = lane(0)
  expect(done.m + now.m).toBe(arrived())
  expect(arrived()).toBeLessThan(8)
  expect(sim.broken).toEqual([])
})

for (const name of ["pause", "cancel"] as const)
  test(`trap 29: a ${name} is heard within two seconds, in the middle of an image that takes an hour`, async () => {
    const { work, pass, until, command, row, destinations, sim } = await stage(images("small", 2))
    work({ foresees: once(/^read small-00.jpg source/, { slow: 3_600_000 }) })
    await pass(20_000)
    command(name)
    await until(() => row().status !== "running")
    const told = sim.time.now()
    await until(() => sim.workers.length === 0)
    expect(sim.time.now() - told).toBeLessThan(2_000)
    expect(destinations[0]?.objects.has("small-00.jpg")).toBe(false)
  })

test("trap 30: of a cancelled migration the rest is said to remain; of a completed one nothing", async () => {
  const { work, until, command, row, lane, sim } = await stage(images("small", 6), { concurrency: 1 })
  work({ foresees: (what) => (/^read/.test(what) ? { slow: 2_000 } : undefined) })
  await until(() => lane(0).now.m >= 2)
  command("cancel")
  await until(() => sim.workers.length === 0)
  const { totals } = migrationView(row(), [lane(0)])
  expect(totals.remaining).toBeGreaterThan(0)
  expect(totals.migrated + totals.skipped + totals.failed + totals.remaining).toBe(6)

  const other = await stage(images("small", 6))
  other.work()
  await other.rest()
  expect(other.row().totals).toMatchObject({ discovered: 6, migrated: 6, remaining: 0 })
})
