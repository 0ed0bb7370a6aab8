import "../model/sim/environment.ts"
import { expect, test } from "vitest"
import { deliver } from "../model/sim/deliver.ts"
import { images, stage } from "./stage.ts"

const minute = 60_000

test("trap 20: while nothing is delivered for an hour, two sweepers send six messages, not a hundred", async () => {
  const { pass, sweep, sim } = await stage(images("small", 1))
  for (let minutes = 0; minutes < 64; minutes++) {
    sweep()
    sweep()
    await pass(minute)
  }
  expect(sim.queue.waiting).toHaveLength(6)
})

test("trap 20: a migration whose messages are never answered says so", async () => {
  const { pass, sweep, flow, row, sim } = await stage(images("small", 1))
  for (let hours = 0; hours < 16; hours++) {
    sweep()
    await pass(60 * minute)
  }
  expect(row().waiting?.reason).toMatch(/BASE_URL/)
  await flow(() => row().status === "completed")
  expect(row().waiting).toBeUndefined()
  expect(sim.broken).toEqual([])
})

test("trap 21: a message that is delivered twice goes on as one", async () => {
  const { row, sim } = await stage(images("bulky", 12))
  for (let turns = 0; turns < 50 && row().status !== "completed"; turns++) {
    const letters = sim.queue.waiting.splice(0)
    expect(letters.length).toBeLessThanOrEqual(1)
    // Too short a time to finish: each has to go on with a message of its own.
    for (const letter of [...letters, ...letters]) deliver(sim, letter, { span: 350 })
    await sim.time.pass(5_000)
  }
  expect(row().totals).toMatchObject({ migrated: 12 })
  expect(sim.tally.accepted("delivery: done")).toBeGreaterThan(3)
})

test("trap 23: only migrations that want work are in the index, and working touches it as little as the migration's row", async () => {
  const { work, pass, until, command, row, sim } = await stage(images("small", 20))
  const isActive = () => row().active !== undefined
  expect(isActive()).toBe(true)
  let idle = 0
  sim.table.engine.onChange((changes) => {
    for (const { pk, before, after } of changes)
      if (pk.startsWith("USER#") && before?.status === after?.status && before?.next === after?.next)
        idle += 1
  })
  work({ foresees: (what) => (/^read small/.test(what) ? { slow: 3_000 } : undefined) })
  await until(() => row().status === "running")
  await pass(12_000)
  // Claimed, planned, renewed twice.
  expect(idle).toBe(0)
  command("pause")
  await until(() => row().status === "paused")
  expect(isActive()).toBe(false)
  command("resume")
  await until(() => row().status === "running")
  expect(isActive()).toBe(true)
  await until(() => sim.workers.length === 0)
  work()
  await until(() => row().status === "completed")
  expect(isActive()).toBe(false)
})

test("trap 25: a migration has no more workers than lanes, whatever is sent, swept and delivered", async () => {
  const { pass, sweep, row, ledger, sim } = await stage(images("bulky", 40), { lanes: 2, concurrency: 1 })
  let most = 0
  for (let seconds = 0; seconds < 120 && row().status !== "completed"; seconds++) {
    if (seconds % 20 === 0) sweep()
    for (const letter of sim.queue.waiting.splice(0)) deliver(sim, letter, { span: 3_000 })
    most = Math.max(most, sim.workers.length)
    await pass(1_000)
  }
  expect(row().totals).toMatchObject({ migrated: 40 })
  expect(ledger.get("mig_0")?.lanes.size).toBe(2)
  expect(most).toBe(2)
})
