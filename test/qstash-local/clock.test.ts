import fc from "fast-check"
import { systemClock, virtualClock } from "qstash-local"
import { expect, test } from "vitest"
import { createHeap } from "../../packages/qstash-local/src/time/heap.ts"
import { startWorld } from "./support/world.ts"

test("a virtual clock stands still until it is moved, and then runs what is due in order of time", async () => {
  const clock = virtualClock(1000)
  const seen: [string, number][] = []
  const note = (name: string) => () => seen.push([name, clock.now()])
  clock.schedule(1500, note("b"))
  clock.schedule(1200, note("a"))
  clock.schedule(1500, note("c"))
  const off = clock.schedule(1300, note("never"))
  clock.schedule(1200, () => clock.schedule(1250, note("nested")))
  clock.schedule(9000, note("late"))
  off()
  await new Promise((resolve) => setImmediate(resolve))
  expect([clock.now(), seen]).toEqual([1000, []])
  await clock.advance("600ms")
  expect(seen).toEqual([
    ["a", 1200],
    ["nested", 1250],
    ["b", 1500],
    ["c", 1500],
  ])
  expect(clock.now()).toBe(1600)
})

test("among ten thousand timers that were called off the others keep their order", async () => {
  const clock = virtualClock(0)
  const seen: number[] = []
  for (let n = 0; n < 10_000; n++) {
    const off = clock.schedule(10_000 - n, () => seen.push(n))
    if (n % 100 !== 0) off()
  }
  await clock.advance("10s")
  expect(seen).toEqual(Array.from({ length: 100 }, (_, n) => 9900 - n * 100))
})

test("moves that are asked for at once are made one after the other", async () => {
  const clock = virtualClock(0)
  await Promise.all([clock.advance(10), clock.advance(20), clock.advance("1s")])
  expect(clock.now()).toBe(1030)
})

test.for(["soon", "", -1, Number.NaN] as const)("%j is no duration", async (duration) => {
  expect(() => virtualClock().advance(duration)).toThrow(RangeError)
})

test("others can make the clock wait for their work, too", async () => {
  const clock = virtualClock(0)
  const seen: string[] = []
  const unwatch = clock.watch(async () => {
    await new Promise((resolve) => setImmediate(resolve))
    seen.push(`quiet at ${clock.now()}`)
  })
  clock.schedule(5, () => seen.push("timer"))
  await clock.advance(10)
  expect(seen).toEqual(["quiet at 0", "timer", "quiet at 5", "quiet at 10"])
  unwatch()
  await clock.advance(10)
  expect(seen).toHaveLength(4)
})

test("the same moves give the same deliveries at the same times, whatever their number", async () => {
  const once = async () => {
    const { client, clock, receiver, qstash } = await startWorld()
    const start = clock.now()
    const seen: string[] = []
    receiver.answer(({ path, headers }) => {
      seen.push(`${path} ${headers["upstash-retried"]} ${clock.now() - start}`)
      return { status: path.endsWith("3") && headers["upstash-retried"] !== "2" ? 500 : 200 }
    })
    const order = { flowControl: { key: "k", rate: 3, period: "7s" as const, parallelism: 1 } }
    for (let n = 0; n < 12; n++)
      await client.publish({ url: `${receiver.url}/${n}`, body: "", delay: n % 4, ...order })
    await clock.advance("1h")
    expect(qstash.stats()).toMatchObject({ delivered: 12, pending: 0 })
    return seen
  }
  const first = await once()
  expect(first).toHaveLength(14)
  expect(await once()).toEqual(first)
})

test("a receiver that does not answer is left behind after a while; others are waited for", async () => {
  const { client, clock, receiver } = await startWorld({ patience: 30 })
  receiver.answer(({ path }) => (path === "/hangs" ? "hang" : {}))
  await client.publish({ url: `${receiver.url}/hangs`, body: "" })
  await client.publish({ url: `${receiver.url}/later`, body: "", delay: 60 })
  await clock.advance("1m")
  expect(receiver.paths()).toEqual(["/hangs", "/later"])
})

test("the machine's clock runs what is due, not early, and nothing that was called off", async () => {
  const clock = systemClock()
  const began = clock.now()
  const off = clock.schedule(began + 1, () => expect.unreachable())
  off()
  const far = clock.schedule(began + 2 ** 40, () => expect.unreachable())
  const at = await new Promise<number>((resolve) => clock.schedule(began + 20, () => resolve(clock.now())))
  expect(at).toBeGreaterThanOrEqual(began + 20)
  await new Promise<void>((resolve) => clock.schedule(began - 1000, resolve))
  far()
})

test("a heap gives back by rank, equals in the order in which they came", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { maxLength: 200 }), (ranks) => {
      const heap = createHeap<{ rank: number; turn: number }>(({ rank }) => rank)
      const items = ranks.map((rank, turn) => ({ rank, turn }))
      for (const item of items) heap.push(item)
      heap.keep(({ turn }) => turn % 3 !== 0)
      const kept = items.filter(({ turn }) => turn % 3 !== 0)
      expect(heap.size).toBe(kept.length)
      const taken = kept.map(() => heap.pop())
      expect(taken).toEqual([...kept].sort((a, b) => a.rank - b.rank || a.turn - b.turn))
      expect(heap.pop()).toBeUndefined()
    }),
  )
})
