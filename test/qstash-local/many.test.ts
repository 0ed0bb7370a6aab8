import { expect, test } from "vitest"
import { startWorld } from "./support/world.ts"

test("of 2,000 messages published in batches none is lost and none is delivered twice", async () => {
  const { client, receiver, qstash } = await startWorld()
  const ids = new Set<string>()
  for (let n = 0; n < 20; n++) {
    const answers = await client.batch(
      Array.from({ length: 100 }, (_, item) => ({ url: receiver.url, body: `${n}/${item}` })),
    )
    for (const { messageId } of answers.flat()) ids.add(messageId)
  }
  await qstash.idle()
  const delivered = receiver.deliveries.map(({ headers }) => headers["upstash-message-id"])
  expect(delivered).toHaveLength(2000)
  expect(new Set(delivered)).toEqual(ids)
  expect(new Set(receiver.deliveries.map(({ body }) => String(body))).size).toBe(2000)
  expect(qstash.stats()).toMatchObject({
    published: 2000,
    attempts: 2000,
    delivered: 2000,
    pending: 0,
    retried: 0,
  })
})

test("keys take turns: a thousand messages of one do not keep another's waiting", async () => {
  const { client, receiver, qstash } = await startWorld({ quota: "free" })
  await client.flowControl.pause("busy")
  const busy = { key: "busy", parallelism: 100 }
  await client.batch(
    Array.from({ length: 300 }, () => ({ url: `${receiver.url}/busy`, body: "", flowControl: busy })),
  )
  await client.flowControl.resume("busy")
  await client.publish({
    url: `${receiver.url}/other`,
    body: "",
    flowControl: { key: "other", parallelism: 1 },
  })
  await qstash.idle()
  expect(receiver.deliveries).toHaveLength(301)
  expect(receiver.paths().indexOf("/other")).toBeLessThan(200)
})
