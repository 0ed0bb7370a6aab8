import { expect, test } from "vitest"
import { startWorld, type World } from "./support/world.ts"

/** Publishes messages that fail at once, one a second, and returns their dlqIds in that order. */
async function failing(
  world: World,
  count: number,
  more: (n: number) => Record<string, unknown> = () => ({}),
) {
  world.receiver.answer(({ path }) => ({ status: 500 + (Number(path.slice(1)) % 2), body: `no ${path}` }))
  for (let n = 0; n < count; n++) {
    await world.client.publish({ url: `${world.receiver.url}/${n}`, body: String(n), retries: 0, ...more(n) })
    await world.clock.advance("1s")
  }
  const { messages } = await world.client.dlq.listMessages()
  return messages.map(({ dlqId }) => dlqId).reverse()
}

test("a dead letter tells the message and the last answer", async () => {
  const world = await startWorld()
  const { client, call, receiver, clock } = world
  const failedAt = clock.now()
  const [dlqId = ""] = await failing(world, 1, () => ({
    headers: { "x-own": "1", "content-type": "text/plain" },
    label: ["red", "blue"],
    callback: "http://127.0.0.1:1/c",
    retryDelay: "1000 * (1 + retried)",
    flowControl: { key: "k", parallelism: 2, rate: 5, period: "1m" },
  }))
  expect(dlqId).toBe(`${failedAt}-0`)
  const { body } = await call("GET", `/v2/dlq/${dlqId}`)
  expect(body).toEqual({
    messageId: expect.stringMatching(/^msg_\w+$/),
    dlqId,
    url: `${receiver.url}/0`,
    method: "POST",
    header: { "X-Own": ["1"], "Content-Type": ["text/plain"] },
    body: "0",
    maxRetries: 0,
    retryDelayExpression: "1000 * (1 + retried)",
    notBefore: failedAt,
    createdAt: failedAt,
    callback: "http://127.0.0.1:1/c",
    callerIP: "127.0.0.1",
    flowControlKey: "k",
    parallelism: 2,
    rate: 5,
    period: 60,
    label: "red",
    labels: ["red", "blue"],
    responseStatus: 500,
    responseHeader: expect.objectContaining({ Date: [expect.any(String)] }),
    responseBody: "no /0",
  })
  expect((await client.dlq.listMessages({ dlqIds: dlqId })).messages).toMatchObject([body])
})

test("bodies that are not UTF-8 are shown as Base64", async () => {
  const { call, client, clock, receiver } = await startWorld()
  const bytes = Buffer.from([0xff, 0x00, 0x80])
  receiver.answer(() => ({ status: 500, body: bytes }))
  await call("POST", `/v2/publish/${receiver.url}`, { "upstash-retries": "0" }, bytes)
  await clock.advance(0)
  const base64 = bytes.toString("base64")
  const [letter] = (await client.dlq.listMessages()).messages
  expect(letter).toMatchObject({ bodyBase64: base64, responseBodyBase64: base64 })
  expect(letter).not.toHaveProperty("body")
  expect(letter).not.toHaveProperty("responseBody")
})

test("letters are listed newest first, page by page, until there is no cursor", async () => {
  const world = await startWorld()
  const ids = await failing(world, 7)
  const seen: string[] = []
  let cursor: string | undefined
  let pages = 0
  do {
    const page = await world.client.dlq.listMessages({ count: 3, ...(cursor && { cursor }) })
    seen.push(...page.messages.map(({ dlqId }) => dlqId))
    cursor = page.cursor
    pages += 1
  } while (cursor)
  expect(pages).toBe(3)
  expect(seen).toEqual([...ids].reverse())
  const oldest = await world.call("GET", "/v2/dlq?order=earliestFirst&count=2")
  expect(oldest.body.messages.map(({ dlqId }: { dlqId: string }) => dlqId)).toEqual(ids.slice(0, 2))
  const next = await world.call("GET", `/v2/dlq?order=earliestFirst&count=2&cursor=${oldest.body.cursor}`)
  expect(next.body.messages.map(({ dlqId }: { dlqId: string }) => dlqId)).toEqual(ids.slice(2, 4))
})

test("filters: any value of one, all of several, dates inclusive", async () => {
  const world = await startWorld()
  const start = world.clock.now()
  await world.client.urlGroups.addEndpoints({ name: "g", endpoints: [{ url: `${world.receiver.url}/9` }] })
  const ids = await failing(world, 4, (n) => ({
    label: n < 2 ? ["low", `n${n}`] : "high",
    ...(n === 3 && { flowControl: { key: "key", parallelism: 1 } }),
  }))
  await world.client
    .queue({ queueName: "q" })
    .enqueue({ url: `${world.receiver.url}/4`, body: "", retries: 0 })
  await world.client.publish({ urlGroup: "g", body: "", retries: 0 })
  await world.clock.advance(0)
  const found = async (query: string) => {
    const { body } = await world.call("GET", `/v2/dlq?${query}`)
    return body.messages
      .map((letter: { url: string }) => letter.url.slice(-1))
      .sort()
      .join("")
  }
  const url = (n: number) => encodeURIComponent(`${world.receiver.url}/${n}`)
  expect(await found("label=low")).toBe("01")
  expect(await found("label=n1&label=high")).toBe("123")
  expect(await found("label=n1,high")).toBe("123")
  expect(await found(`label=low&url=${url(1)}`)).toBe("1")
  expect(await found(`url=${url(0)}&url=${url(3)}`)).toBe("03")
  expect(await found("responseStatus=501")).toBe("139")
  expect(await found("responseStatus=500&responseStatus=501&label=low")).toBe("01")
  expect(await found(`fromDate=${start + 1000}&toDate=${start + 2000}`)).toBe("12")
  expect(await found("flowControlKey=key")).toBe("3")
  expect(await found("queueName=q")).toBe("4")
  expect(await found("topicName=g")).toBe("9")
  expect(await found("callerIp=127.0.0.1&label=high")).toBe("23")
  expect(await found("callerIp=10.0.0.1")).toBe("")
  expect(await found("scheduleId=none")).toBe("")
  expect(await found(`dlqIds=${ids[2]}&dlqIds=unknown`)).toBe("2")
  const [{ messageId }] = (await world.call("GET", `/v2/dlq?dlqIds=${ids[0]}`)).body.messages
  expect(await found(`messageId=${messageId}`)).toBe("0")
})

test.for([
  "host=x",
  "path=/",
  "colour=red",
  "label=",
  "count=0",
  "count=x",
  "cursor=x",
  "order=up",
  "fromDate=now",
])("the query %s is refused", async (query) => {
  const { call } = await startWorld()
  for (const [method, path] of [
    ["GET", "/v2/dlq"],
    ["DELETE", "/v2/dlq"],
    ["POST", "/v2/dlq/retry"],
  ] as const)
    expect(await call(method, `${path}?${query}`)).toMatchObject({
      status: 400,
      body: { error: expect.any(String) },
    })
})

test("letters are deleted one by one, by ids, by filter, and page by page", async () => {
  const world = await startWorld()
  const { client } = world
  const ids = await failing(world, 9, (n) => ({ label: n < 3 ? "low" : "high" }))
  const left = async () => (await client.dlq.listMessages()).messages.length
  await client.dlq.delete(ids[8] ?? "")
  await expect(client.dlq.delete(ids[8] ?? "")).rejects.toMatchObject({ status: 404 })
  expect(await client.dlq.delete([ids[7] ?? "", ids[6] ?? "", "unknown"])).toMatchObject({ deleted: 2 })
  expect(await left()).toBe(6)
  expect(await client.dlq.delete({ filter: { label: "low" } })).toMatchObject({ deleted: 3 })
  expect(await left()).toBe(3)
  const page = await client.dlq.delete({ all: true, count: 2 })
  expect(page).toMatchObject({ deleted: 2, cursor: expect.any(String) })
  const rest = await client.dlq.delete({ all: true, count: 2, cursor: page.cursor ?? "" })
  expect(rest).toEqual({ deleted: 1 })
  expect(await left()).toBe(0)
})

test("a retried letter is a new message with the same content, and is gone from the dead letters", async () => {
  const world = await startWorld()
  const { client, call, clock, receiver } = world
  const [dlqId = ""] = await failing(world, 1, () => ({ headers: { own: "1" }, label: "l" }))
  receiver.answer(() => ({}))
  const { responses } = await client.dlq.retry(dlqId)
  await clock.advance(0)
  const [first, second] = receiver.deliveries
  expect(second).toMatchObject({
    path: "/0",
    body: Buffer.from("0"),
    headers: { own: "1", "upstash-retried": "0" },
  })
  expect(second?.headers["upstash-message-id"]).toBe(responses[0]?.messageId)
  expect(second?.headers["upstash-message-id"]).not.toBe(first?.headers["upstash-message-id"])
  expect((await client.dlq.listMessages()).messages).toEqual([])
  expect((await call("GET", `/v2/dlq/${dlqId}`)).status).toBe(404)
  expect((await call("POST", `/v2/dlq/retry/${dlqId}`)).status).toBe(404)
})

test("headers of a retry override those of the message", async () => {
  const world = await startWorld()
  const [dlqId = ""] = await failing(world, 1, () => ({ headers: { kept: "1", own: "old" } }))
  const headers = {
    "upstash-delay": "1m",
    "upstash-retries": "1",
    "upstash-method": "PUT",
    "upstash-forward-own": "new",
  }
  const retried = await world.call("POST", `/v2/dlq/retry/${dlqId}`, headers)
  expect(retried).toMatchObject({ status: 201, body: { messageId: expect.any(String) } })
  await world.clock.advance("59s")
  expect(world.receiver.deliveries).toHaveLength(1)
  await world.clock.advance("1h")
  expect(world.receiver.deliveries.slice(1)).toMatchObject([
    { method: "PUT", headers: { kept: "1", own: "new" } },
    { method: "PUT", headers: { kept: "1", own: "new" } },
  ])
})

test("retrying in bulk goes page by page; the last cursor is empty on the wire and absent in the SDK", async () => {
  const world = await startWorld()
  await failing(world, 5)
  world.receiver.answer(() => ({}))
  const first = await world.call("POST", "/v2/dlq/retry?count=3")
  expect(first).toMatchObject({ status: 201, body: { cursor: expect.stringMatching(/^\d+-\d+$/) } })
  expect(first.body.responses).toHaveLength(3)
  const last = await world.call("POST", `/v2/dlq/retry?count=3&cursor=${first.body.cursor}`)
  expect(last.body).toMatchObject({ cursor: "", responses: [{}, {}] })
  expect(await world.client.dlq.retry({ all: true })).toEqual({ cursor: undefined, responses: [] })
  await world.clock.advance(0)
  expect(world.receiver.deliveries).toHaveLength(10)
})

test("letters are kept as long as the plan says", async () => {
  const world = await startWorld({ quota: "free" })
  const ids = await failing(world, 1)
  await world.clock.advance(3 * 86_400_000 - 1001)
  expect((await world.client.dlq.listMessages()).messages).toHaveLength(1)
  await world.clock.advance(1)
  expect((await world.client.dlq.listMessages()).messages).toEqual([])
  expect((await world.call("GET", `/v2/dlq/${ids[0]}`)).status).toBe(404)
})

test("letters that die in the same millisecond have ids of their own", async () => {
  const { client, clock, receiver } = await startWorld({ answering: () => ({ status: 500 }) })
  await client.batch([1, 2, 3].map(() => ({ url: receiver.url, body: "", retries: 0 })))
  const at = clock.now()
  await clock.advance(0)
  const { messages } = await client.dlq.listMessages()
  expect(messages.map(({ dlqId }) => dlqId)).toEqual([`${at}-2`, `${at}-1`, `${at}-0`])
})

test("the id of a letter that is gone is not given to another, not even in the same millisecond", async () => {
  const { client, clock, receiver } = await startWorld({ answering: () => ({ status: 500 }) })
  await client.publish({ url: receiver.url, body: "", retries: 0 })
  await clock.advance(0)
  const [first] = (await client.dlq.listMessages()).messages
  await client.dlq.retry(first?.dlqId ?? "")
  await clock.advance(0)
  const [second] = (await client.dlq.listMessages()).messages
  expect(second?.dlqId).toBe(`${clock.now()}-1`)
})
