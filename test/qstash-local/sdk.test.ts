import { expect, test } from "vitest"
import { startWorld } from "./support/world.ts"

const later = { body: "x", delay: 60 }

test("JSON helpers publish and enqueue; a queue named in a batch is made", async () => {
  const { client, clock, receiver } = await startWorld()
  const answers = await client.batchJSON([
    { url: `${receiver.url}/1`, body: { n: 1 } },
    { url: `${receiver.url}/2`, body: { n: 2 }, queueName: "mail" },
  ])
  expect(answers).toHaveLength(2)
  await client.queue({ queueName: "news" }).enqueueJSON({ url: `${receiver.url}/3`, body: { n: 3 } })
  await clock.advance(0)
  const bodies = receiver.deliveries.map(({ path, headers, body }) => [
    path,
    headers["content-type"],
    String(body),
  ])
  expect(bodies.sort()).toEqual([
    ["/1", "application/json", '{"n":1}'],
    ["/2", "application/json", '{"n":2}'],
    ["/3", "application/json", '{"n":3}'],
  ])
  expect((await client.queue().list()).map(({ name }) => name)).toEqual(["mail", "news"])
})

test("messages, dead letters and groups by the SDK's older names", async () => {
  const { client, clock, receiver } = await startWorld({ answering: () => ({ status: 500 }) })
  const url = receiver.url
  const ids = (await client.batch([1, 2, 3, 4].map(() => ({ url, ...later })))).flat()
  const [first = "", second = "", third = ""] = ids.map(({ messageId }) => messageId)
  await client.messages.delete(first)
  expect(await client.messages.deleteMany([second, third, "msg_unknown"])).toBe(2)
  expect(await client.messages.deleteAll()).toBe(1)

  await client.batch([1, 2].map(() => ({ url, retries: 0 })))
  await clock.advance(0)
  const [letter] = (await client.dlq.listMessages()).messages
  expect(await client.dlq.deleteMany({ dlqIds: [letter?.dlqId ?? ""] })).toMatchObject({ deleted: 1 })
  expect((await client.dlq.listMessages()).messages).toHaveLength(1)

  await client.topics.addEndpoints({ name: "group", endpoints: [{ url }, { url: `${url}/b`, name: "b" }] })
  await client.topics.removeEndpoints({ name: "group", endpoints: [{ name: "b" }] })
  expect((await client.topics.get("group")).endpoints).toEqual([{ url }])
  await client.topics.delete("group")
  expect(await client.topics.list()).toEqual([])
})
