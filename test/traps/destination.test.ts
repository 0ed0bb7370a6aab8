import "../model/sim/environment.ts"
import { expect, test } from "vitest"
import { changeSource, meddle } from "../model/scene.ts"
import { contentOf } from "../model/sim/store/content.ts"
import { write } from "../model/sim/store/place.ts"
import { images, once, stage } from "./stage.ts"

const key = "small-00.jpg"

for (const [where, call, befalls] of [
  ["before it writes", /^read small-00.jpg source/, { stalls: 60_000 }],
  ["while its write is on its way", /^write small/, { stalls: 60_000, slow: 60_000 }],
] as const)
  test(`trap 4: a worker that was overtaken ${where} does not put older bytes over newer ones`, async () => {
    const scene = await stage([key])
    const { work, pass, until, row, sources, destinations, sim } = scene
    work({ foresees: once(call, befalls) })
    await pass(45_000)
    changeSource(scene, 0, key)
    sim.queue.waiting.push(...sim.queue.past)
    work()
    await until(() => row().status === "completed")
    await pass(60_000)
    const [there, here] = [destinations[0], sources[0]].map((place) => place?.objects.get(key)?.content)
    expect(there?.sha256).toBe(here?.sha256)
    expect(destinations[0]?.history).toHaveLength(1)
    expect(sim.broken).toEqual([])
  })

test("trap 4: a worker that has not booked for 25 seconds starts no other image", async () => {
  const { work, until, rest, row, destinations, sim } = await stage(images("small", 4), { concurrency: 1 })
  const { running } = work({ foresees: once(/^write small/, { stalls: 26_500 }) })
  await until(() => sim.workers.length === 0)
  const own = destinations[0]?.history.filter(({ by }) => by === running.proc)
  expect(own?.map((event) => event.key)).toEqual([key])
  await rest()
  expect(row().totals).toMatchObject({ migrated: 4, skipped: 0 })
})

test("trap 5: after a crash only what came behind the last checkpoint is looked at, and nothing is copied twice", async () => {
  const { work, until, rest, row, destinations, sim } = await stage(images("small", 12), { concurrency: 1 })
  work({
    foresees: (what) => {
      if (what === "read small-08.jpg source-0") return "dies before"
      return /^read small/.test(what) ? { slow: 1_000 } : undefined
    },
  })
  await until(() => sim.workers.length === 0)
  await sim.time.pass(31_000)
  const calls: string[] = []
  work({ foresees: (what) => void calls.push(what) })
  await rest()
  // Eight had arrived; at the checkpoint, five seconds in, at least four of them.
  expect(calls.filter((what) => /^write small/.test(what))).toHaveLength(4)
  const looked = calls.filter((what) => /^read small-0[0-7].jpg destination/.test(what))
  expect(looked.length).toBeGreaterThan(0)
  expect(looked.length).toBeLessThanOrEqual(4)
  expect(destinations[0]?.history).toHaveLength(12)
  expect(row().totals).toMatchObject({ migrated: 12, skipped: 0 })
})

/** As long as the source's image, and another. */
const foreign = contentOf([Buffer.alloc(`${key}@0\n`.length, "x")])

test("trap 9: two images of one size with other MD5s are not the same, whenever they were written", async () => {
  const { work, pass, rest, row, sources, destinations } = await stage([key])
  const [destination] = destinations
  await pass(10_000)
  if (destination) write(destination, key, { content: foreign, description: {} })
  work()
  await rest()
  expect(row().totals).toMatchObject({ migrated: 1, skipped: 0 })
  expect(destination?.objects.get(key)?.etag).toBe(sources[0]?.objects.get(key)?.etag)
})

test("trap 9: an image of the same size that changed after it was copied is copied again", async () => {
  const scene = await stage([key], {}, { hasMd5: false })
  const { work, pass, rest, row, sources, destinations } = scene
  const [destination] = destinations
  if (destination) write(destination, key, { content: foreign, description: {} })
  await pass(10_000)
  changeSource(scene, 0, key)
  work()
  await rest()
  expect(row().totals).toMatchObject({ migrated: 1, skipped: 0 })
  expect(destination?.objects.get(key)?.content.sha256).toBe(sources[0]?.objects.get(key)?.content.sha256)
})

for (const [hasMd5, rule, pause] of [
  [true, "skipped.etag", 0],
  [false, "skipped.written_after", 10_000],
] as const)
  test(`trap 9: what is skipped says by which rule: ${rule}`, async () => {
    const { work, pass, rest, row, sources, destinations, sim } = await stage([key], {}, { hasMd5 })
    await pass(pause)
    const content = sources[0]?.objects.get(key)?.content
    if (destinations[0] && content) write(destinations[0], key, { content, description: {} })
    const calls: string[] = []
    work({ foresees: (what) => void calls.push(what) })
    await rest()
    expect(row().totals).toMatchObject({ migrated: 0, skipped: 1 })
    expect(sim.tally.accepted(`skipped: ${rule}`)).toBe(1)
    // From the listings: no request of its own.
    expect(calls.filter((what) => what.includes("small"))).toEqual([])
  })

for (const [planned, code] of [
  ["absent", "destination.collision"],
  ["there", "destination.changed"],
] as const)
  test(`trap 10: what somebody else writes where the plan saw it ${planned} stays, and the image fails: ${code}`, async () => {
    const existing = planned === "there" ? [{ key, isSame: false }] : []
    const { work, pass, rest, row, destinations, sim } = await stage([key], {}, { existing })
    const [destination] = destinations
    work({ foresees: once(/^read small-00.jpg source/, { slow: 3_000 }) })
    await pass(2_000)
    if (destination) meddle(destination, key, false)
    const foreign = destination?.objects.get(key)
    await rest()
    expect(row()).toMatchObject({ status: "completed_with_failures", totals: { migrated: 0, failed: 1 } })
    expect(sim.tally.accepted(`failed: ${code}`)).toBe(1)
    expect(destination?.objects.get(key)).toBe(foreign)
  })
