import { expect, test } from "vitest"
import { startWorld } from "./support/world.ts"

test("a message that fails once and then succeeds leaves its trace, newest first", async () => {
  const { client, call, clock, receiver } = await startWorld({
    answering: (_, nth) => ({ status: nth === 1 ? 500 : 200, body: "oh" }),
  })
  const start = clock.now()
  const { messageId } = await client.publishJSON({
    url: receiver.url,
    body: { a: 1 },
    label: ["x", "y"],
    timeout: 30,
  })
  await clock.advance("12s")
  const { events } = (await call("GET", `/v2/events?messageId=${messageId}`)).body
  const common = {
    messageId,
    url: receiver.url,
    method: "POST",
    header: { "Content-Type": ["application/json"] },
    body: Buffer.from('{"a":1}').toString("base64"),
    maxRetries: 3,
    timeout: 30_000,
    callerIP: "127.0.0.1",
    label: "x",
    labels: ["x", "y"],
  }
  expect(events).toEqual([
    { ...common, state: "DELIVERED", time: start + 12_000 },
    { ...common, state: "ACTIVE", time: start + 12_000 },
    { ...common, state: "RETRY", time: start, nextDeliveryTime: start + 12_000 },
    {
      ...common,
      state: "ERROR",
      time: start,
      nextDeliveryTime: start + 12_000,
      error: "unexpected response status 500",
      responseStatus: 500,
      responseHeaders: expect.objectContaining({ Date: [expect.any(String)] }),
      responseBody: Buffer.from("oh").toString("base64"),
    },
    { ...common, state: "ACTIVE", time: start },
    { ...common, state: "CREATED", time: start },
  ])
})

test("events, logs and the SDK's two names show the same", async () => {
  const { client, call, clock, receiver } = await startWorld()
  await client.publish({ url: receiver.url, body: "" })
  await clock.advance(0)
  const { events } = (await call("GET", "/v2/events")).body
  expect((await call("GET", "/v2/logs")).body).toEqual({ logs: events })
  expect((await client.logs()).logs).toMatchObject(events)
  expect((await client.events()).events).toMatchObject(events)
})

test("a retry expression is told under both of its names", async () => {
  const { client, call, receiver } = await startWorld()
  await client.publish({ url: receiver.url, body: "", delay: 9, retryDelay: "1000" })
  const [event] = (await call("GET", "/v2/events")).body.events
  expect(event).toMatchObject({ retryDelayExpression: "1000", retryDelayExpr: "1000" })
})

test("pages: at most 100 logs and 1,000 events, each once, in both directions", async () => {
  const { client, call, receiver } = await startWorld()
  await client.batch(
    Array.from({ length: 250 }, (_, n) => ({ url: `${receiver.url}/${n}`, body: "", delay: 9 })),
  )
  expect((await call("GET", "/v2/logs?count=999")).body.logs).toHaveLength(100)
  expect((await call("GET", "/v2/events?count=999")).body.events).toHaveLength(250)
  for (const order of ["latestFirst", "earliestFirst"]) {
    const seen: string[] = []
    let cursor = ""
    do {
      const { body } = await call("GET", `/v2/logs?order=${order}${cursor && `&cursor=${cursor}`}`)
      seen.push(...body.logs.map(({ url }: { url: string }) => url))
      cursor = body.cursor ?? ""
    } while (cursor)
    expect(new Set(seen).size).toBe(250)
    expect(seen[0]).toMatch(order === "latestFirst" ? /\/249$/ : /\/0$/)
  }
})

test("filters of logs", async () => {
  const { client, call, clock, receiver } = await startWorld()
  const start = clock.now()
  receiver.answer(({ path }) => ({ status: path === "/bad" ? 500 : 200 }))
  const ok = await client.publish({ url: `${receiver.url}/ok?q=1`, body: "", label: ["a", "b"] })
  await clock.advance("1s")
  const bad = await client.publish({
    url: `${receiver.url}/bad`,
    body: "",
    retries: 1,
    flowControl: { key: "k", rate: 5 },
  })
  await clock.advance("1s")
  await client.queue({ queueName: "q" }).enqueue({ url: `${receiver.url}/queued`, body: "", delay: 60 })
  const count = async (query: string) => (await call("GET", `/v2/logs?${query}`)).body.logs.length
  expect(await count("state=DELIVERED")).toBe(1)
  expect(await count("state=IN_PROGRESS")).toBe(4)
  expect(await count("state=ACTIVE&state=RETRY")).toBe(3)
  expect(await count("state=CANCELLED")).toBe(0)
  expect(await count(`messageId=${ok.messageId}`)).toBe(3)
  expect(await count(`messageIds=${ok.messageId}&messageIds=${bad.messageId}`)).toBe(7)
  expect(await count("label=b&label=c")).toBe(3)
  expect(await count("path=/bad")).toBe(4)
  expect(await count(`host=${new URL(receiver.url).host}&path=/ok`)).toBe(3)
  expect(await count(`url=${encodeURIComponent(`${receiver.url}/ok?q=1`)}`)).toBe(3)
  expect(await count("queueName=q")).toBe(1)
  expect(await count("flowControlKey=k")).toBe(4)
  expect(await count(`fromDate=${start + 1000}&toDate=${start + 1000}`)).toBe(4)
  expect(await count("topicName=none")).toBe(0)
  expect(await count("scheduleId=none")).toBe(0)
  expect(await count("callerIp=127.0.0.1")).toBe(8)
})

test.for(["api=x", "state=", "state=BROKEN", "count=-1", "cursor=abc", "order=random"])(
  "the query %s is refused",
  async (query) => {
    const { call } = await startWorld()
    expect(await call("GET", `/v2/events?${query}`)).toMatchObject({
      status: 400,
      body: { error: expect.any(String) },
    })
  },
)

test("logs are kept as long as the plan says", async () => {
  const { client, clock, receiver } = await startWorld({ quota: "free" })
  await client.publish({ url: receiver.url, body: "", delay: "5d" })
  await clock.advance("3d")
  expect((await client.logs()).logs).toHaveLength(1)
  await clock.advance(1)
  expect((await client.logs()).logs).toEqual([])
})
