import { expect, test } from "vitest"
import { startWorld } from "./support/world.ts"

// What the Python SDK and older versions of the JavaScript one put on the wire: lists of ids in a JSON body.

test("messages are cancelled by a list of ids in the body", async () => {
  const { client, call, receiver } = await startWorld()
  const ids: string[] = []
  for (let n = 0; n < 3; n++)
    ids.push((await client.publish({ url: receiver.url, body: "", delay: 60 })).messageId)
  const headers = { "content-type": "application/json" }
  const many = await call("DELETE", "/v2/messages", headers, JSON.stringify({ messageIds: ids.slice(0, 2) }))
  expect(many).toMatchObject({ status: 202, body: { cancelled: 2 } })
  const none = await call("DELETE", "/v2/messages", headers, JSON.stringify({ messageIds: [] }))
  expect(none.body).toEqual({ cancelled: 0 })
  expect((await call("DELETE", "/v2/messages", headers)).body).toEqual({ cancelled: 1 })
})

test("a filter in the body is one, too, and async with it", async () => {
  const { client, call, receiver } = await startWorld()
  await client.batch(["a", "b", "c"].map((label) => ({ url: receiver.url, body: "", delay: 60, label })))
  const cancelled = await call(
    "DELETE",
    "/v2/messages",
    {},
    JSON.stringify({ label: ["a", "b"], async: true }),
  )
  expect(cancelled.body).toEqual({ cancelled: 2, actionId: expect.any(String) })
  for (const wrong of ['{"colour":"red"}', '{"label":{}}', "[]", "{", '{"label":[null]}'])
    expect((await call("DELETE", "/v2/messages", {}, wrong)).status).toBe(400)
})

test("dead letters are deleted by a list of ids in the body", async () => {
  const { client, call, clock, receiver } = await startWorld({ answering: () => ({ status: 500 }) })
  await client.batch([1, 2, 3].map(() => ({ url: receiver.url, body: "", retries: 0 })))
  await clock.advance(0)
  const ids = (await client.dlq.listMessages()).messages.map(({ dlqId }) => dlqId)
  const deleted = await call(
    "DELETE",
    "/v2/dlq",
    {},
    JSON.stringify({ dlqIds: [...ids.slice(0, 2), "unknown"] }),
  )
  expect(deleted).toMatchObject({ status: 200, body: { deleted: 2 } })
  expect((await call("DELETE", "/v2/dlq", {}, JSON.stringify({ dlqIds: [] }))).body).toEqual({ deleted: 0 })
  expect((await client.dlq.listMessages()).messages).toHaveLength(1)
})

test("the options of a publish are read the same in any case and from the query", async () => {
  const { call, receiver } = await startWorld()
  const { body } = await call(
    "POST",
    `/v2/publish/${receiver.url}/hook?keep=1&upstash-delay=1h&Upstash-Forward-Own=q&upstash-method=PATCH`,
    { "UPSTASH-RETRIES": "1", "Upstash-Label": "a, b" },
    "x",
  )
  expect((await call("GET", `/v2/messages/${body.messageId}`)).body).toMatchObject({
    url: `${receiver.url}/hook?keep=1`,
    method: "PATCH",
    header: { Own: ["q"] },
    maxRetries: 1,
    labels: ["a", "b"],
  })
})

test("a run of the older workflow client is cancelled by its id", async () => {
  const { call, receiver, qstash } = await startWorld()
  const headers = { "upstash-delay": "1h", "upstash-forward-upstash-workflow-runid": "wfr_1" }
  await call("POST", `/v2/publish/${receiver.url}`, headers)
  expect((await call("DELETE", "/v2/workflows/runs/wfr_2?cancel=true")).status).toBe(404)
  expect((await call("DELETE", "/v2/workflows/runs/wfr_1?cancel=true")).status).toBe(200)
  expect(qstash.stats()).toMatchObject({ pending: 0 })
})
