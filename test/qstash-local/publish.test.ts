import { expect, test } from "vitest"
import { rawCall } from "./support/raw-call.ts"
import { startWorld } from "./support/world.ts"

test("a wrong token is refused, a right one may stand in the query", async () => {
  const { call, qstash, receiver, clock } = await startWorld()
  const refused = await call("POST", `/v2/publish/${receiver.url}`, { authorization: "Bearer wrong" })
  expect(refused).toMatchObject({ status: 401, body: { error: expect.any(String) } })
  const token = encodeURIComponent(qstash.token)
  const path = `/v2/publish/${receiver.url}/x?a=1&qstash_token=${token}&b=2`
  expect((await rawCall(qstash.port, "POST", path, {})).status).toBe(200)
  expect((await rawCall(qstash.port, "POST", `/v2/publish/${receiver.url}`, {})).status).toBe(401)
  await clock.advance(0)
  expect(receiver.paths()).toEqual(["/x?a=1&b=2"])
})

test("the destination is taken as it stands, without QStash's own query parameters", async () => {
  const { call, receiver, clock } = await startWorld()
  await call("POST", `/v2/publish/${receiver.url}/a//b/../c?x=%20&upstash-retries=7&y=a=b&Upstash-Delay=10s`)
  await call("POST", `/v2/publish/${encodeURIComponent(`${receiver.url}/encoded?q=1`)}`)
  await clock.advance("10s")
  expect(receiver.paths()).toEqual(["/encoded?q=1", "/a//b/../c?x=%20&y=a=b"])
})

test.for([
  ["", "a non-empty destination must be provided"],
  ["ftp://example.com", "invalid destination url: endpoint has invalid scheme, add http:// or https://"],
  ["example.com/hook", "invalid destination url: endpoint has invalid scheme, add http:// or https://"],
  ["http://", "invalid destination url: endpoint is not a valid url"],
])("publishing to %j is refused: %s", async ([destination = "", error]) => {
  const { call } = await startWorld()
  expect(await call("POST", `/v2/publish/${destination}`)).toMatchObject({ status: 400, body: { error } })
})

test("publishing to a URL group that does not exist is a 404", async () => {
  const { call } = await startWorld()
  const answer = await call("POST", "/v2/publish/nobody")
  expect(answer).toMatchObject({ status: 404, body: { error: "topic nobody not found" } })
})

test("the same deduplication id within ten minutes is accepted once, even after a failure", async () => {
  const { call, clock, receiver, qstash } = await startWorld({ answering: () => ({ status: 500 }) })
  const publish = () =>
    call("POST", `/v2/publish/${receiver.url}`, { "upstash-deduplication-id": "one", "upstash-retries": "0" })
  const first = await publish()
  await clock.advance("599s")
  const second = await publish()
  expect(first).toMatchObject({ status: 200, body: { messageId: expect.any(String) } })
  expect(second).toMatchObject({ status: 202, body: { messageId: first.body.messageId, deduplicated: true } })
  await clock.advance("1s")
  expect((await publish()).status).toBe(200)
  await clock.advance(0)
  expect(receiver.deliveries).toHaveLength(2)
  expect(qstash.stats()).toMatchObject({ published: 2, deduplicated: 1 })
})

test("content deduplication looks at destination, body and forwarded headers", async () => {
  const { client, receiver } = await startWorld()
  const publish = (path: string, body: string, header: string) =>
    client.publish({
      url: `${receiver.url}${path}`,
      body,
      headers: { own: header },
      contentBasedDeduplication: true,
    })
  const ids = [
    await publish("/a", "1", "h"),
    await publish("/a", "1", "h"),
    await publish("/b", "1", "h"),
    await publish("/a", "2", "h"),
    await publish("/a", "1", "i"),
  ].map(({ messageId }) => messageId)
  expect(ids[1]).toBe(ids[0])
  expect(new Set(ids).size).toBe(4)
})

test("a deduplication id with a colon is refused", async () => {
  const { client, receiver } = await startWorld()
  const publish = client.publish({ url: receiver.url, body: "", deduplicationId: "a:b" })
  await expect(publish).rejects.toThrow("DeduplicationId cannot contain ':'")
})

test("a batch is answered item by item; what is wrong with one does not stop the others", async () => {
  const { client, clock, receiver } = await startWorld()
  const answers: unknown = await client.batch([
    { url: `${receiver.url}/1`, body: "one" },
    { url: "nonsense://x", body: "two" },
    { url: `${receiver.url}/3`, body: "three", deduplicationId: "3" },
    { url: `${receiver.url}/3`, body: "three", deduplicationId: "3" },
  ])
  expect(answers).toMatchObject([
    { messageId: expect.any(String) },
    { error: "invalid destination url: endpoint has invalid scheme, add http:// or https://" },
    { messageId: expect.any(String) },
    { deduplicated: true },
  ])
  await clock.advance(0)
  expect(receiver.paths().sort()).toEqual(["/1", "/3"])
})

test("a message that is larger than the plan allows is a 412", async () => {
  const { client, receiver } = await startWorld({ quota: "free" })
  const publish = client.publish({ url: receiver.url, body: "x".repeat(1024 * 1024 + 1) })
  await expect(publish).rejects.toMatchObject({ status: 412 })
})

test("the free plan ends at 1,000 messages a day, until midnight UTC", async () => {
  const { client, clock, receiver } = await startWorld({ quota: "free" })
  await client.batch(
    Array.from({ length: 1000 }, () => ({ url: receiver.url, body: "", delay: "2d" as const })),
  )
  await clock.advance(0)
  const publish = () => client.publish({ url: receiver.url, body: "" })
  const midnight = String((Math.floor(clock.now() / 86_400_000) + 1) * 86_400)
  await expect(publish()).rejects.toMatchObject({
    status: 429,
    limit: "1000",
    remaining: "0",
    reset: midnight,
  })
  await clock.advance("1d")
  await expect(publish()).resolves.toMatchObject({ messageId: expect.any(String) })
})

test("the SDK's check of a development server is answered", async () => {
  const { call, qstash } = await startWorld()
  const { currentSigningKey: current, nextSigningKey: next } = qstash
  expect((await call("GET", "/v2/keys")).body).toEqual({ current, next })
})
