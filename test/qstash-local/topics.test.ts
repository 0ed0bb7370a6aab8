import { expect, test } from "vitest"
import { startReceiver } from "./support/receiver.ts"
import { startWorld } from "./support/world.ts"

test("a URL group is made, extended, listed, reduced and gone with its last endpoint", async () => {
  const { client, clock } = await startWorld()
  const { urlGroups } = client
  await urlGroups.addEndpoints({
    name: "all",
    endpoints: [{ name: "a", url: "https://a.test" }, { url: "https://b.test" }],
  })
  await urlGroups.addEndpoints({ name: "all", endpoints: [{ name: "a", url: "https://a2.test" }] })
  const group = {
    name: "all",
    createdAt: clock.now(),
    updatedAt: clock.now(),
    endpoints: [{ url: "https://b.test" }, { name: "a", url: "https://a2.test" }],
  }
  expect(await urlGroups.get("all")).toEqual(group)
  expect(await urlGroups.list()).toEqual([group])
  await urlGroups.removeEndpoints({ name: "all", endpoints: [{ name: "a" }] })
  expect((await urlGroups.get("all")).endpoints).toEqual([{ url: "https://b.test" }])
  await urlGroups.removeEndpoints({ name: "all", endpoints: [{ url: "https://b.test" }] })
  await expect(urlGroups.get("all")).rejects.toMatchObject({ status: 404 })
  await expect(urlGroups.delete("all")).rejects.toMatchObject({ status: 404 })
})

test("a message to a group becomes one for each endpoint, which has its own way", async () => {
  const { client, clock, receiver, verifier } = await startWorld()
  const other = await startReceiver((_, nth) => ({ status: nth === 1 ? 500 : 200 }))
  await client.urlGroups.addEndpoints({
    name: "all",
    endpoints: [{ name: "first", url: `${receiver.url}/1` }, { url: `${other.url}/2` }],
  })
  const receipts = await client.publishJSON({ urlGroup: "all", body: { a: 1 } })
  expect(receipts).toMatchObject([{ url: `${receiver.url}/1` }, { url: `${other.url}/2` }])
  await clock.advance("12s")
  expect(other.deliveries.map(({ headers }) => headers["upstash-retried"])).toEqual(["0", "1"])
  const [delivery] = receiver.deliveries
  expect(delivery?.headers).toMatchObject({
    "upstash-topic-name": "all",
    "upstash-message-id": receipts[0]?.messageId,
  })
  const signature = String(delivery?.headers["upstash-signature"])
  expect(await verifier.verify({ signature, body: '{"a":1}', url: `${receiver.url}/1` })).toBe(true)
})

test("a batch answers a group with a list of its own", async () => {
  const { client, receiver } = await startWorld()
  await client.urlGroups.addEndpoints({
    name: "all",
    endpoints: [{ url: receiver.url }, { url: `${receiver.url}/b` }],
  })
  const answers: unknown = await client.batch([
    { urlGroup: "all", body: "" },
    { url: receiver.url, body: "" },
    { urlGroup: "nobody", body: "" },
  ])
  expect(answers).toMatchObject([
    [{ messageId: expect.any(String) }, { messageId: expect.any(String) }],
    { messageId: expect.any(String) },
    { error: "topic nobody not found" },
  ])
})

test("a duplicate for a group gets the earlier receipts", async () => {
  const { client, clock, receiver } = await startWorld()
  await client.urlGroups.addEndpoints({
    name: "all",
    endpoints: [{ url: `${receiver.url}/1` }, { url: `${receiver.url}/2` }],
  })
  const first = await client.publish({ urlGroup: "all", body: "", deduplicationId: "once" })
  const second = await client.publish({ urlGroup: "all", body: "", deduplicationId: "once" })
  expect(second).toEqual(first.map((receipt) => ({ ...receipt, deduplicated: true })))
  await clock.advance(0)
  expect(receiver.deliveries).toHaveLength(2)
})

test("headers of a group hold for what is published to it, unless that has its own", async () => {
  const { client, call, clock, receiver } = await startWorld({ answering: () => ({ status: 500 }) })
  await client.urlGroups.addEndpoints({ name: "all", endpoints: [{ url: receiver.url }] })
  const headers = { "Upstash-Retries": ["0"], "Upstash-Forward-Who": ["group"] }
  expect((await call("PATCH", "/v2/topics/all", {}, JSON.stringify({ headers }))).status).toBe(200)
  await client.publish({ urlGroup: "all", body: "" })
  await client.publish({ urlGroup: "all", body: "", headers: { who: "me" } })
  await clock.advance("1d")
  expect(receiver.deliveries.map(({ headers }) => headers.who)).toEqual(["group", "me"])
  expect((await call("PATCH", "/v2/topics/all", {}, '{"headers":{"Upstash-Retries":"many"}}')).status).toBe(
    400,
  )
})

test.for([
  ["a%2Fb", '{"endpoints":[{"url":"https://a.test"}]}', 400],
  ["g", '{"endpoints":[{"url":"a.test"}]}', 400],
  ["g", '{"endpoints":[]}', 400],
  ["g", '{"endpoints":"x"}', 400],
  ["g", '{"endpoints":[{"name":"a b","url":"https://a.test"}]}', 400],
  ["g", "{", 400],
] as const)("adding to group %s what is %s is refused with %i", async ([name, body, status]) => {
  const { call } = await startWorld()
  expect((await call("POST", `/v2/topics/${name}/endpoints`, {}, body)).status).toBe(status)
})

test("the free plan has one group of at most 100 endpoints", async () => {
  const { client } = await startWorld({ quota: "free" })
  const endpoints = (count: number) => Array.from({ length: count }, (_, n) => ({ url: `https://${n}.test` }))
  await expect(client.urlGroups.addEndpoints({ name: "a", endpoints: endpoints(101) })).rejects.toMatchObject(
    { status: 412 },
  )
  await client.urlGroups.addEndpoints({ name: "a", endpoints: endpoints(100) })
  await expect(client.urlGroups.addEndpoints({ name: "b", endpoints: endpoints(1) })).rejects.toMatchObject({
    status: 412,
  })
})
