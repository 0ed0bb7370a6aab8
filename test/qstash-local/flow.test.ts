import { expect, test } from "vitest"
import { startReceiver } from "./support/receiver.ts"
import { startWorld } from "./support/world.ts"

/** Holds every delivery until it is let go, and knows how many it holds. */
function gatekeeper() {
  const held: (() => void)[] = []
  let most = 0
  return {
    answering: async () => {
      const opened = new Promise<void>((resolve) => held.push(resolve))
      most = Math.max(most, held.length)
      await opened
      return {}
    },
    held,
    most: () => most,
    letGo: () => held.shift()?.(),
  }
}

const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

test("flow control by parallelism never has more in flight, and keeps the order", async () => {
  const gate = gatekeeper()
  const { client, receiver, qstash } = await startWorld({ answering: gate.answering })
  for (let n = 1; n <= 7; n++)
    await client.publish({ url: `${receiver.url}/${n}`, body: "", flowControl: { key: "k", parallelism: 2 } })
  for (let n = 1; n <= 7; n++) {
    await until(() => gate.held.length === Math.min(2, 8 - n))
    expect(qstash.stats().inFlight).toBeLessThanOrEqual(2)
    gate.letGo()
  }
  await qstash.idle()
  expect(gate.most()).toBe(2)
  expect(receiver.paths().slice(0, 2).sort()).toEqual(["/1", "/2"])
  expect(receiver.paths().slice(2)).toEqual(["/3", "/4", "/5", "/6", "/7"])
})

test("flow control by rate makes so many calls in a period, first in, first out", async () => {
  const { client, clock, receiver } = await startWorld()
  for (let n = 1; n <= 5; n++)
    await client.publish({
      url: `${receiver.url}/${n}`,
      body: "",
      flowControl: { key: "k", rate: 2, period: "1m", parallelism: 1 },
    })
  await clock.advance("59s")
  expect(receiver.paths()).toEqual(["/1", "/2"])
  await clock.advance("1s")
  expect(receiver.paths()).toEqual(["/1", "/2", "/3", "/4"])
  await clock.advance("1m")
  expect(receiver.paths()).toEqual(["/1", "/2", "/3", "/4", "/5"])
})

test("the latest configuration of a key wins", async () => {
  const { client, clock, receiver } = await startWorld()
  const publish = (rate: number) =>
    client.publish({ url: receiver.url, body: "", flowControl: { key: "k", rate, period: 60 } })
  for (let n = 0; n < 5; n++) await publish(1)
  await clock.advance(0)
  expect(receiver.deliveries).toHaveLength(1)
  await publish(10)
  await clock.advance(0)
  expect(receiver.deliveries).toHaveLength(6)
})

test("keys do not wait for one another, and messages without a key for none", async () => {
  const gate = gatekeeper()
  const { client, clock, receiver } = await startWorld()
  const slow = await startReceiver(gate.answering)
  await client.publish({ url: slow.url, body: "", flowControl: { key: "slow", parallelism: 1 } })
  await client.publish({ url: slow.url, body: "", flowControl: { key: "slow", parallelism: 1 } })
  await client.publish({
    url: `${receiver.url}/other`,
    body: "",
    flowControl: { key: "other", parallelism: 1 },
  })
  await client.publish({ url: `${receiver.url}/none`, body: "" })
  await until(() => receiver.deliveries.length === 2 && gate.held.length === 1)
  expect(receiver.paths().sort()).toEqual(["/none", "/other"])
  gate.letGo()
  await until(() => gate.held.length === 1)
  gate.letGo()
  await clock.advance(0)
})

test("an account has no more deliveries in flight than its plan allows", async () => {
  const gate = gatekeeper()
  const { client, receiver, qstash } = await startWorld({ answering: gate.answering, quota: "free" })
  await client.batch(Array.from({ length: 25 }, () => ({ url: receiver.url, body: "" })))
  for (let n = 0; n < 25; n++) {
    await until(() => gate.held.length === Math.min(10, 25 - n))
    gate.letGo()
  }
  await qstash.idle()
  expect(gate.most()).toBe(10)
})

test("a queue is delivered in order, and a failing head holds it", async () => {
  const { client, clock, receiver } = await startWorld()
  receiver.answer(({ path, headers }) => ({
    status: path === "/1" && headers["upstash-retried"] !== "2" ? 500 : 200,
  }))
  const queue = client.queue({ queueName: "q" })
  for (let n = 1; n <= 3; n++) await queue.enqueue({ url: `${receiver.url}/${n}`, body: "" })
  await clock.advance("100s")
  expect(receiver.paths()).toEqual(["/1", "/1"])
  await clock.advance("60s")
  expect(receiver.paths()).toEqual(["/1", "/1", "/1", "/2", "/3"])
})

test("a queue waits for the callbacks of its head", async () => {
  const { client, clock, receiver } = await startWorld()
  receiver.answer(({ path, headers }) => ({
    status: path === "/callback" && headers["upstash-retried"] === "0" ? 500 : 200,
  }))
  const queue = client.queue({ queueName: "q" })
  await queue.enqueue({ url: `${receiver.url}/1`, body: "", callback: `${receiver.url}/callback` })
  await queue.enqueue({ url: `${receiver.url}/2`, body: "" })
  await clock.advance("11s")
  expect(receiver.paths()).toEqual(["/1", "/callback"])
  await clock.advance("1s")
  expect(receiver.paths()).toEqual(["/1", "/callback", "/callback", "/2"])
})
