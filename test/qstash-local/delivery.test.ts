import { expect, test } from "vitest"
import { startWorld } from "./support/world.ts"

test("a message arrives signed, with its body, its headers and those of QStash", async () => {
  const { client, clock, receiver, verifier } = await startWorld()
  const { messageId } = await client.publishJSON({
    url: `${receiver.url}/hook?a=b`,
    body: { hello: "wörld" },
    headers: { "X-Own": "mine" },
  })
  await clock.advance(0)
  const [delivery] = receiver.deliveries
  expect(delivery).toMatchObject({
    method: "POST",
    path: "/hook?a=b",
    headers: {
      "content-type": "application/json",
      "x-own": "mine",
      "user-agent": "Upstash-QStash",
      "upstash-message-id": messageId,
      "upstash-retried": "0",
    },
  })
  const body = String(delivery?.body)
  expect(JSON.parse(body)).toEqual({ hello: "wörld" })
  const signature = String(delivery?.headers["upstash-signature"])
  expect(await verifier.verify({ signature, body, url: `${receiver.url}/hook?a=b` })).toBe(true)
  await expect(
    verifier.verify({ signature, body: `${body} `, url: `${receiver.url}/hook?a=b` }),
  ).rejects.toThrow()
})

test("retries come after 12 s, 2 m 28 s and 30 m 8 s with the same id, then it is a dead letter", async () => {
  const { client, clock, receiver, qstash } = await startWorld({
    answering: () => ({ status: 500, body: "no" }),
  })
  const { messageId } = await client.publish({ url: receiver.url, body: "x" })
  const seen: number[] = []
  for (const pause of ["0s", "11s", "1s", "147s", "1s", "1807s", "1s"]) {
    await clock.advance(pause)
    seen.push(receiver.deliveries.length)
  }
  expect(seen).toEqual([1, 1, 2, 2, 3, 3, 4])
  expect(new Set(receiver.deliveries.map(({ headers }) => headers["upstash-message-id"]))).toEqual(
    new Set([messageId]),
  )
  expect(receiver.deliveries.map(({ headers }) => headers["upstash-retried"])).toEqual(["0", "1", "2", "3"])
  const { messages } = await client.dlq.listMessages()
  expect(messages).toMatchObject([{ messageId, responseStatus: 500, responseBody: "no", maxRetries: 3 }])
  expect(qstash.stats()).toMatchObject({ published: 1, attempts: 4, failed: 1, retried: 3, pending: 0 })
})

test("at the first success the retries end", async () => {
  const { client, clock, receiver, qstash } = await startWorld({
    answering: (_, nth) => ({ status: nth < 3 ? 503 : 204 }),
  })
  await client.publish({ url: receiver.url, body: "x" })
  await clock.advance("2d")
  expect(receiver.deliveries).toHaveLength(3)
  expect(qstash.stats()).toMatchObject({ delivered: 1, failed: 0 })
})

test("Retry-After of 0 means at once, in seconds, as a date and as a duration", async () => {
  const { client, clock, receiver } = await startWorld()
  const waits = ["0", "30", new Date(Math.ceil(clock.now() / 1000) * 1000 + 90_000).toUTCString(), "1m0.5s"]
  receiver.answer((_, nth) => ({ status: 429, headers: { "Retry-After": waits[nth - 1] ?? "0" } }))
  await client.publish({ url: receiver.url, body: "x", retries: 4 })
  await clock.advance(0)
  expect(receiver.deliveries).toHaveLength(2)
  await clock.advance("30s")
  expect(receiver.deliveries).toHaveLength(3)
  await clock.advance("59s")
  expect(receiver.deliveries).toHaveLength(3)
  await clock.advance("2s")
  expect(receiver.deliveries).toHaveLength(4)
  await clock.advance("59s")
  expect(receiver.deliveries).toHaveLength(4)
  await clock.advance("2s")
  expect(receiver.deliveries).toHaveLength(5)
})

test("489 with the header is given up at once; 489 alone is tried again", async () => {
  const { client, clock, receiver } = await startWorld()
  receiver.answer(({ path }) => ({
    status: 489,
    ...(path === "/final" && { headers: { "Upstash-NonRetryable-Error": "true" } }),
  }))
  await client.publish({ url: `${receiver.url}/final`, body: "x" })
  await client.publish({ url: `${receiver.url}/again`, body: "x", retries: 1 })
  await clock.advance("1h")
  expect(receiver.paths().sort()).toEqual(["/again", "/again", "/final"])
})

test("a receiver that takes longer than the timeout has failed", async () => {
  const { client, clock, receiver } = await startWorld({ answering: () => "hang", patience: 50 })
  await client.publish({ url: receiver.url, body: "x", retries: 0, timeout: 30 })
  await clock.advance("29s")
  expect((await client.dlq.listMessages()).messages).toEqual([])
  await clock.advance("1s")
  expect((await client.dlq.listMessages()).messages).toMatchObject([
    { responseBody: "context deadline exceeded" },
  ])
})

test("a delayed message comes when its time has come", async () => {
  const { client, clock, receiver } = await startWorld()
  await client.publish({ url: `${receiver.url}/delay`, body: "x", delay: "1d" })
  await client.publish({
    url: `${receiver.url}/at`,
    body: "x",
    delay: "9h",
    notBefore: Math.ceil(clock.now() / 1000) + 3600,
  })
  await clock.advance("59m")
  expect(receiver.paths()).toEqual([])
  await clock.advance("61s")
  expect(receiver.paths()).toEqual(["/at"])
  await clock.advance("1d")
  expect(receiver.paths()).toEqual(["/at", "/delay"])
})

test("a redirect is not followed", async () => {
  const { client, clock, receiver } = await startWorld()
  receiver.answer(() => ({ status: 302, headers: { Location: `${receiver.url}/elsewhere` } }))
  await client.publish({ url: `${receiver.url}/here`, body: "x", retries: 0 })
  await clock.advance(0)
  expect(receiver.paths()).toEqual(["/here"])
  expect((await client.dlq.listMessages()).messages).toMatchObject([{ responseStatus: 302 }])
})

test("a receiver may publish while it handles a delivery; advancing waits for that, too", async () => {
  const { client, clock, receiver } = await startWorld()
  receiver.answer(async ({ path }) => {
    if (path !== "/5")
      await client.publish({ url: `${receiver.url}/${Number(path.slice(1)) + 1}`, body: "x" })
    return {}
  })
  await client.publish({ url: `${receiver.url}/1`, body: "x", delay: 10 })
  await clock.advance("10s")
  expect(receiver.paths()).toEqual(["/1", "/2", "/3", "/4", "/5"])
})

test("the failure callback hears the last answer and the id of the dead letter", async () => {
  const { client, clock, receiver } = await startWorld()
  receiver.answer(({ path }) => (path === "/callback" ? {} : { status: 500, body: "broken" }))
  const { messageId } = await client.publish({
    url: `${receiver.url}/work`,
    body: "x",
    retries: 1,
    failureCallback: `${receiver.url}/callback`,
  })
  await clock.advance("1h")
  expect(receiver.paths()).toEqual(["/work", "/work", "/callback"])
  const told = JSON.parse(String(receiver.deliveries[2]?.body))
  const { messages } = await client.dlq.listMessages()
  expect(told).toMatchObject({
    status: 500,
    retried: 1,
    maxRetries: 1,
    sourceMessageId: messageId,
    url: `${receiver.url}/work`,
    dlqId: messages[0]?.dlqId,
    body: Buffer.from("broken").toString("base64"),
    sourceBody: Buffer.from("x").toString("base64"),
  })
})
