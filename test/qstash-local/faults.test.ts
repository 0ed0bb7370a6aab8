import { expect, test } from "vitest"
import { startWorld } from "./support/world.ts"

test.for(["twice", "again"] as const)(
  "%s: one message is delivered two times, with the same id",
  async (kind) => {
    const { client, clock, receiver, qstash } = await startWorld()
    qstash.faults.arm(kind)
    await client.publish({ url: receiver.url, body: "1" })
    await clock.advance(0)
    await client.publish({ url: receiver.url, body: "2" })
    await clock.advance("1d")
    const seen = receiver.deliveries.map(({ body, headers }) => [String(body), headers["upstash-retried"]])
    expect(seen).toEqual([
      ["1", "0"],
      ["1", "0"],
      ["2", "0"],
    ])
  },
)

test("lose-response: the delivery is made, counted as failed and made again", async () => {
  const { client, clock, receiver, qstash } = await startWorld()
  qstash.faults.arm("lose-response", { times: 2 })
  await client.publish({ url: receiver.url, body: "" })
  await clock.advance("1d")
  expect(receiver.deliveries.map(({ headers }) => headers["upstash-retried"])).toEqual(["0", "1", "2"])
  expect(qstash.stats()).toMatchObject({ delivered: 1, failed: 0 })
})

test("delay: the attempt comes later", async () => {
  const { client, clock, receiver, qstash } = await startWorld()
  qstash.faults.arm("delay", { delayMs: 5000 })
  await client.publish({ url: receiver.url, body: "" })
  await clock.advance(4999)
  expect(receiver.deliveries).toHaveLength(0)
  await clock.advance(1)
  expect(receiver.deliveries).toHaveLength(1)
})

test("reorder: the next message overtakes; without one it goes after its delay", async () => {
  const { client, clock, receiver, qstash } = await startWorld()
  qstash.faults.arm("reorder", { when: ({ url }) => url.endsWith("/1") })
  for (const n of [1, 2, 3]) {
    await client.publish({ url: `${receiver.url}/${n}`, body: "" })
    await clock.advance(0)
  }
  expect(receiver.paths()).toEqual(["/2", "/1", "/3"])
  qstash.faults.arm("reorder")
  await client.publish({ url: `${receiver.url}/4`, body: "" })
  await clock.advance("1s")
  expect(receiver.paths()).toEqual(["/2", "/1", "/3", "/4"])
})

test("drop: nobody ever hears of the message, and idle does not wait for it", async () => {
  const { client, clock, receiver, qstash } = await startWorld()
  qstash.faults.arm("drop", { when: ({ labels }) => labels.includes("lost") })
  await client.publish({ url: `${receiver.url}/lost`, body: "", label: "lost" })
  await client.publish({ url: `${receiver.url}/kept`, body: "" })
  await qstash.idle()
  await clock.advance("30d")
  expect(receiver.paths()).toEqual(["/kept"])
  expect(qstash.stats()).toMatchObject({ dropped: 1, pending: 0 })
})

test.for([
  ["publish-500", { status: 500 }],
  ["publish-412", { status: 412 }],
  ["publish-429-daily", { status: 429, name: "QstashDailyRatelimitError" }],
  ["publish-429-burst", { status: 429, name: "QstashRatelimitError" }],
] as const)("%s: the SDK throws what belongs to it, and nothing is accepted", async ([kind, error]) => {
  const { client, clock, receiver, qstash } = await startWorld()
  qstash.faults.arm(kind)
  await expect(client.publish({ url: receiver.url, body: "" })).rejects.toMatchObject(error)
  await client.publish({ url: `${receiver.url}/next`, body: "" })
  await clock.advance(0)
  expect(receiver.paths()).toEqual(["/next"])
})

test("publish-cut accepts nothing, publish-lose-response accepts and does not say so", async () => {
  const { client, clock, receiver, qstash } = await startWorld()
  qstash.faults.arm("publish-cut")
  await expect(client.publish({ url: `${receiver.url}/cut`, body: "" })).rejects.toThrow("fetch failed")
  qstash.faults.arm("publish-lose-response")
  await expect(client.publish({ url: `${receiver.url}/lost`, body: "" })).rejects.toThrow("fetch failed")
  await clock.advance(0)
  expect(receiver.paths()).toEqual(["/lost"])
})

test("publish-hang never answers, and neither advance nor idle nor close waits for it", async () => {
  const { client, clock, receiver, qstash } = await startWorld()
  qstash.faults.arm("publish-hang")
  const publishing = client.publish({ url: receiver.url, body: "" }).then(
    () => "answered",
    () => "broken off",
  )
  while (qstash.faults.list().length > 0) await new Promise((resolve) => setImmediate(resolve))
  await clock.advance("1h")
  await qstash.idle()
  await qstash.close()
  expect(await publishing).toBe("broken off")
  expect(receiver.deliveries).toEqual([])
})

test("a switch can be turned off again", async () => {
  const { client, clock, receiver, qstash } = await startWorld()
  const off = qstash.faults.arm("drop", { times: Number.POSITIVE_INFINITY })
  expect(qstash.faults.list()).toEqual([{ kind: "drop", left: Number.POSITIVE_INFINITY }])
  off()
  qstash.faults.arm("drop")
  qstash.faults.clear()
  await client.publish({ url: receiver.url, body: "" })
  await clock.advance(0)
  expect(receiver.deliveries).toHaveLength(1)
})
