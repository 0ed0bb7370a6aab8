import { expect, test } from "vitest"
import { startWorld } from "./support/world.ts"

test("a queue is made, changed, listed and removed", async () => {
  const { client, clock } = await startWorld()
  const queue = client.queue({ queueName: "mail.out-1_x" })
  await queue.upsert({ parallelism: 3 })
  const made = await queue.get()
  expect(made).toEqual({
    name: "mail.out-1_x",
    parallelism: 3,
    paused: false,
    lag: 0,
    createdAt: clock.now(),
    updatedAt: clock.now(),
  })
  await clock.advance("5s")
  await queue.upsert({ parallelism: 2 })
  expect(await client.queue().list()).toEqual([{ ...made, parallelism: 2, updatedAt: clock.now() }])
  await queue.delete()
  await expect(queue.get()).rejects.toMatchObject({ status: 404 })
})

test.for([
  [{ queueName: "a/b", parallelism: 1 }, 400],
  [{ parallelism: 1 }, 400],
  [{ queueName: "q", parallelism: 0 }, 400],
  [{ queueName: "q", parallelism: "2" }, 400],
  [{ queueName: "q", parallelism: 1, paused: "no" }, 400],
  [{ queueName: "q", parallelism: 11 }, 412],
] as const)("the queue %j is refused with %i", async ([queue, status]) => {
  const { call } = await startWorld()
  const answer = await call("POST", "/v2/queues", {}, JSON.stringify(queue))
  expect(answer).toMatchObject({ status, body: { error: expect.any(String) } })
})

test("a plan has so many queues", async () => {
  const { client, receiver } = await startWorld({ quota: "free" })
  for (let n = 0; n < 10; n++) await client.queue({ queueName: `q${n}` }).upsert({ parallelism: 1 })
  await expect(client.queue({ queueName: "q10" }).upsert({ parallelism: 1 })).rejects.toMatchObject({
    status: 412,
  })
  const enqueued = client.queue({ queueName: "q11" }).enqueue({ url: receiver.url, body: "" })
  await expect(enqueued).rejects.toMatchObject({ status: 412 })
})

test("enqueue and batch make a queue with parallelism 1", async () => {
  const { client, receiver } = await startWorld()
  await client.queue({ queueName: "one" }).enqueueJSON({ url: receiver.url, body: 1, delay: 5 })
  await client.batch([{ url: receiver.url, body: "", queueName: "two", delay: 5 }])
  expect(await client.queue().list()).toMatchObject([
    { name: "one", parallelism: 1, lag: 1 },
    { name: "two", parallelism: 1, lag: 1 },
  ])
})

test("while a queue is paused it takes messages and delivers none; resumed, it begins with the earliest", async () => {
  const { client, clock, receiver } = await startWorld()
  const queue = client.queue({ queueName: "q" })
  await queue.upsert({ parallelism: 1, paused: true })
  for (const n of [1, 2, 3]) await queue.enqueue({ url: `${receiver.url}/${n}`, body: "" })
  await clock.advance("1d")
  expect(receiver.paths()).toEqual([])
  expect(await queue.get()).toMatchObject({ paused: true, lag: 3 })
  await queue.resume()
  await clock.advance(0)
  expect(receiver.paths()).toEqual(["/1", "/2", "/3"])
  await queue.pause()
  await queue.enqueue({ url: `${receiver.url}/4`, body: "" })
  await clock.advance("1d")
  expect(receiver.paths()).toHaveLength(3)
})

test("more parallelism lets waiting messages go at once", async () => {
  const { client, clock, receiver } = await startWorld({ answering: () => ({ status: 500 }) })
  const queue = client.queue({ queueName: "q" })
  for (const n of [1, 2, 3]) await queue.enqueue({ url: `${receiver.url}/${n}`, body: "", retries: 1 })
  await clock.advance(0)
  expect(receiver.paths()).toEqual(["/1"])
  await queue.upsert({ parallelism: 2 })
  await clock.advance(0)
  expect(receiver.paths()).toEqual(["/1", "/2"])
})

test("a cancelled head makes way for the next message, even between its retries", async () => {
  const { client, clock, receiver } = await startWorld()
  receiver.answer(({ path }) => ({ status: path === "/1" ? 500 : 200 }))
  const queue = client.queue({ queueName: "q" })
  const head = await queue.enqueue({ url: `${receiver.url}/1`, body: "" })
  await queue.enqueue({ url: `${receiver.url}/2`, body: "" })
  await clock.advance("1s")
  expect(receiver.paths()).toEqual(["/1"])
  await client.messages.cancel((head as { messageId: string }).messageId)
  await clock.advance(0)
  expect(receiver.paths()).toEqual(["/1", "/2"])
})

test("what waits in a queue that is removed is cancelled", async () => {
  const { client, clock, receiver, qstash } = await startWorld()
  const queue = client.queue({ queueName: "q" })
  await queue.upsert({ parallelism: 1, paused: true })
  await queue.enqueue({ url: receiver.url, body: "" })
  await queue.delete()
  await clock.advance("1d")
  expect(receiver.deliveries).toEqual([])
  expect(qstash.stats()).toMatchObject({ pending: 0, canceled: 1 })
})

test("enqueueing to an impossible queue name or to nowhere is refused", async () => {
  const { call, receiver } = await startWorld()
  expect((await call("POST", `/v2/enqueue/a%20b/${receiver.url}`)).status).toBe(400)
  expect((await call("POST", "/v2/enqueue/q/")).body).toEqual({
    error: "a non-empty destination must be provided",
  })
  expect((await call("POST", "/v2/enqueue/q")).body).toEqual({
    error: "a non-empty destination must be provided",
  })
})
