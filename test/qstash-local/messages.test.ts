import { expect, test } from "vitest"
import { startWorld } from "./support/world.ts"

test("a message is shown as it was published until it is delivered", async () => {
  const { client, call, clock, receiver } = await startWorld()
  const { messageId } = await client.publish({
    url: `${receiver.url}/x`,
    body: "héllo",
    method: "PUT",
    delay: 60,
    retries: 7,
    headers: { "X-A": "1", "Content-Type": "text/plain" },
    failureCallback: `${receiver.url}/f`,
    label: "one",
  })
  expect((await call("GET", `/v2/messages/${messageId}`)).body).toEqual({
    messageId,
    url: `${receiver.url}/x`,
    method: "PUT",
    header: { "X-A": ["1"], "Content-Type": ["text/plain"] },
    body: "héllo",
    maxRetries: 7,
    notBefore: clock.now() + 60_000,
    createdAt: clock.now(),
    failureCallback: `${receiver.url}/f`,
    callerIP: "127.0.0.1",
    label: "one",
    labels: ["one"],
  })
  await clock.advance("1m")
  await expect(client.messages.get(messageId)).rejects.toMatchObject({ status: 404 })
})

test("telemetry is not kept and not passed on", async () => {
  const { call, clock, receiver } = await startWorld()
  const headers = { "upstash-telemetry-sdk": "x", "upstash-telemetry-runtime": "node", "upstash-delay": "1s" }
  const { body } = await call("POST", `/v2/publish/${receiver.url}`, headers)
  expect((await call("GET", `/v2/messages/${body.messageId}`)).body.header).toEqual({})
  await clock.advance("1s")
  expect(Object.keys(receiver.deliveries[0]?.headers ?? {}).join()).not.toContain("telemetry")
})

test("a cancelled message is never delivered", async () => {
  const { client, clock, receiver } = await startWorld()
  const { messageId } = await client.publish({ url: receiver.url, body: "", delay: 60 })
  expect(await client.messages.cancel(messageId)).toEqual({ cancelled: 1 })
  await expect(client.messages.cancel(messageId)).rejects.toMatchObject({ status: 404 })
  await clock.advance("1d")
  expect(receiver.deliveries).toEqual([])
})

test("a message that is cancelled in flight is not tried again", async () => {
  const { client, clock, receiver } = await startWorld()
  receiver.answer(async ({ headers }) => {
    await client.messages.cancel(String(headers["upstash-message-id"]))
    return { status: 500 }
  })
  const { messageId } = await client.publish({ url: receiver.url, body: "" })
  await clock.advance("1d")
  expect(receiver.deliveries).toHaveLength(1)
  const { logs } = await client.logs({ messageIds: [messageId] })
  expect(logs.map(({ state }) => state)).toEqual(["CANCELED", "CANCEL_REQUESTED", "ACTIVE", "CREATED"])
  expect((await client.dlq.listMessages()).messages).toEqual([])
})

test("messages are cancelled by ids, by filters, and all at once", async () => {
  const { client, call, clock, receiver } = await startWorld()
  const publish = (path: string, more = {}) =>
    client.publish({ url: `${receiver.url}${path}`, body: "", delay: 60, ...more })
  const [a, b] = [await publish("/a"), await publish("/b")]
  await publish("/c", { label: "l" })
  await publish("/d", { flowControl: { key: "k", parallelism: 1 } })
  await publish("/e?x=1")
  await client.queue({ queueName: "q" }).enqueue({ url: `${receiver.url}/f`, body: "", delay: 60 })
  await publish("/g")
  expect(await client.messages.cancel([a.messageId, b.messageId, "unknown"])).toEqual({ cancelled: 2 })
  const { host } = new URL(receiver.url)
  for (const filter of [{ label: "l" }, { flowControlKey: "k" }, { path: "/e", host }, { queueName: "q" }])
    expect(await client.messages.cancel({ filter })).toEqual({ cancelled: 1 })
  expect(await call("DELETE", `/v2/messages?fromDate=${clock.now()}&label=none`)).toMatchObject({
    status: 202,
    body: { cancelled: 0 },
  })
  expect(await client.messages.cancel({ all: true })).toEqual({ cancelled: 1 })
  await clock.advance("1h")
  expect(receiver.deliveries).toEqual([])
})

test.for(["colour=red", "label=", "state=CREATED", "toDate=soon", "cursor=1"])(
  "cancelling by %s is refused and cancels nothing",
  async (query) => {
    const { client, call, receiver, qstash } = await startWorld()
    await client.publish({ url: receiver.url, body: "", delay: 60 })
    expect((await call("DELETE", `/v2/messages?${query}`)).status).toBe(400)
    expect(qstash.stats()).toMatchObject({ pending: 1 })
  },
)

test("a cancel by filter is a bulk action that can be looked up", async () => {
  const { client, call, clock, receiver } = await startWorld()
  await client.batch([1, 2, 3].map(() => ({ url: receiver.url, body: "", delay: 60, label: "l" })))
  const { status, body } = await call("DELETE", "/v2/messages?label=l&async=true&count=1")
  expect({ status, body }).toEqual({ status: 202, body: { cancelled: 3, actionId: expect.any(String) } })
  const action = {
    actionId: body.actionId,
    kind: "cancel",
    state: "FINISHED",
    total: 3,
    processed: 3,
    createdAt: clock.now(),
    completedAt: clock.now(),
    filter: { label: ["l"] },
  }
  expect((await call("GET", `/v2/bulkActions/${body.actionId}`)).body).toEqual(action)
  expect((await call("GET", "/v2/bulkActions")).body).toEqual({ bulkActions: [action] })
  expect((await call("GET", "/v2/bulkActions?state=IN_PROGRESS")).body).toEqual({ bulkActions: [] })
  expect((await call("GET", "/v2/bulkActions/none")).status).toBe(404)
  await clock.advance("1ms")
  await client.messages.cancel({ all: true })
  const first = (await call("GET", "/v2/bulkActions?count=1")).body
  const second = (await call("GET", `/v2/bulkActions?count=1&cursor=${first.cursor}`)).body
  expect([...first.bulkActions, ...second.bulkActions].map(({ total }) => total)).toEqual([0, 3])
  expect(second.cursor).toBeUndefined()
  await clock.advance("8d")
  expect((await call("GET", "/v2/bulkActions")).body).toEqual({ bulkActions: [] })
})

test("with the older way of counting, one call cancels as many as it says", async () => {
  const { client, receiver } = await startWorld({ bulkCancel: "counted" })
  await client.batch([1, 2, 3].map(() => ({ url: receiver.url, body: "", delay: 60 })))
  expect(await client.messages.cancel({ all: true, count: 2 })).toEqual({ cancelled: 2 })
  expect(await client.messages.cancel({ all: true, count: 2 })).toEqual({ cancelled: 1 })
})

test("what waits for its key can be cancelled, and is not counted as waiting any more", async () => {
  const { client, clock, receiver } = await startWorld()
  await client.flowControl.pause("k")
  const publish = () =>
    client.publish({ url: receiver.url, body: "", flowControl: { key: "k", parallelism: 1 } })
  const ids = [await publish(), await publish(), await publish()].map(({ messageId }) => messageId)
  await client.messages.cancel(ids[1] ?? "")
  expect(await client.flowControl.get("k")).toMatchObject({ waitListSize: 2 })
  await client.flowControl.resume("k")
  await clock.advance(0)
  expect(receiver.deliveries.map(({ headers }) => headers["upstash-message-id"])).toEqual([ids[0], ids[2]])
})
