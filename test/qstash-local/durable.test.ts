import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startQStash, virtualClock } from "qstash-local"
import { expect, onTestFinished, test } from "vitest"
import { clientOf, startProcess } from "./support/process.ts"
import { rawCall } from "./support/raw-call.ts"
import { startReceiver } from "./support/receiver.ts"

async function folder() {
  const path = await mkdtemp(join(tmpdir(), "qstash-local-"))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

test("what was delayed, failed or waiting for a retry goes on after a restart", async () => {
  const stateDir = await folder()
  const receiver = await startReceiver(({ path }) => ({ status: path === "/ok" ? 200 : 500 }))
  const clock = virtualClock()
  const before = await startQStash({ port: 0, clock, stateDir })
  const client = clientOf(before.url, before.token)
  const binary = Buffer.from([0, 255, 128])
  const headers = {
    authorization: `Bearer ${before.token}`,
    "upstash-delay": "100s",
    "upstash-deduplication-id": "d",
  }
  await rawCall(before.port, "POST", `/v2/publish/${receiver.url}/ok`, headers, binary)
  const failed = await client.publish({ url: `${receiver.url}/fails`, body: "x", retries: 0 })
  await client.publish({ url: `${receiver.url}/again`, body: "x", retries: 1, headers: { own: "1" } })
  await clock.advance("1s")
  await before.close()

  const after = await startQStash({ port: 0, clock, stateDir })
  onTestFinished(() => after.close())
  const again = clientOf(after.url, after.token)
  expect(await again.publish({ url: `${receiver.url}/ok`, body: "", deduplicationId: "d" })).toMatchObject({
    deduplicated: true,
  })
  expect((await again.dlq.listMessages()).messages).toMatchObject([
    { messageId: failed.messageId, responseStatus: 500 },
  ])
  await clock.advance("101s")
  expect(receiver.paths().slice(2)).toEqual(["/again", "/ok"])
  expect(receiver.deliveries[2]?.headers).toMatchObject({ "upstash-retried": "1", own: "1" })
  expect(receiver.deliveries[3]?.body).toEqual(binary)
})

test("queues, groups, keys, schedules and their states outlast a restart", async () => {
  const stateDir = await folder()
  const receiver = await startReceiver()
  const clock = virtualClock()
  const before = await startQStash({ port: 0, clock, stateDir })
  const client = clientOf(before.url, before.token)
  await client.queue({ queueName: "q" }).upsert({ parallelism: 2, paused: true })
  await client.queue({ queueName: "q" }).enqueue({ url: `${receiver.url}/queued`, body: "" })
  await client.urlGroups.addEndpoints({ name: "g", endpoints: [{ url: receiver.url }] })
  await client.flowControl.pin("k", { parallelism: 7 })
  await client.flowControl.pause("k")
  await client.schedules.create({
    scheduleId: "s",
    destination: `${receiver.url}/tick`,
    cron: "* * * * *",
    body: "ü",
  })
  const { status } = await rawCall(before.port, "POST", "/v2/keys/rotate", {
    authorization: `Bearer ${before.token}`,
  })
  expect(status).toBe(200)
  await clock.advance(0)
  await before.close()

  const after = await startQStash({ port: 0, clock, stateDir })
  onTestFinished(() => after.close())
  const again = clientOf(after.url, after.token)
  expect(after.currentSigningKey).toBe(before.nextSigningKey)
  expect(await again.queue({ queueName: "q" }).get()).toMatchObject({ parallelism: 2, paused: true, lag: 1 })
  expect(await again.urlGroups.get("g")).toMatchObject({ endpoints: [{ url: receiver.url }] })
  expect(await again.flowControl.get("k")).toMatchObject({
    parallelismMax: 7,
    isPaused: true,
    isPinnedParallelism: true,
  })
  await clock.advance("1m")
  expect(receiver.paths()).toEqual(["/tick"])
  expect(receiver.deliveries[0]?.body).toEqual(Buffer.from("ü"))
  await again.queue({ queueName: "q" }).resume()
  await clock.advance(0)
  expect(receiver.paths()).toEqual(["/tick", "/queued"])
})

test("a queue's head that was waiting for its retry still holds the queue after a restart", async () => {
  const stateDir = await folder()
  const receiver = await startReceiver((_, nth) => ({ status: nth === 1 ? 500 : 200 }))
  const clock = virtualClock()
  const before = await startQStash({ port: 0, clock, stateDir })
  const queue = clientOf(before.url, before.token).queue({ queueName: "q" })
  await queue.enqueue({ url: `${receiver.url}/1`, body: "" })
  await queue.enqueue({ url: `${receiver.url}/2`, body: "" })
  await clock.advance("1s")
  await before.close()
  const after = await startQStash({ port: 0, clock, stateDir })
  onTestFinished(() => after.close())
  await clock.advance("10s")
  expect(receiver.paths()).toEqual(["/1"])
  await clock.advance("1s")
  expect(receiver.paths()).toEqual(["/1", "/1", "/2"])
})

test("a delivery that a closing server breaks off does not count as an attempt", async () => {
  const stateDir = await folder()
  const receiver = await startReceiver((_, nth) => (nth === 1 ? "hang" : {}))
  const before = await startQStash({ port: 0, stateDir })
  await clientOf(before.url, before.token).publish({ url: receiver.url, body: "", retries: 0 })
  while (receiver.deliveries.length === 0) await new Promise((resolve) => setImmediate(resolve))
  await before.close()
  const after = await startQStash({ port: 0, stateDir })
  onTestFinished(() => after.close())
  await after.idle()
  expect(receiver.deliveries.map(({ headers }) => headers["upstash-retried"])).toEqual(["0", "0"])
  expect(after.stats()).toMatchObject({ delivered: 1, deadLetters: 0 })
})

test("a folder belongs to one server at a time", async () => {
  const stateDir = await folder()
  const first = await startQStash({ port: 0, stateDir })
  await expect(startQStash({ port: 0, stateDir })).rejects.toThrow("is in use by process")
  await first.close()
  const second = await startQStash({ port: 0, stateDir })
  await second.close()
})

test("after SIGKILL under load every acknowledged message is delivered at least once", async () => {
  const stateDir = await folder()
  const receiver = await startReceiver()
  const first = await startProcess("--state", stateDir)
  const acknowledged: string[] = []
  const publishers = Array.from({ length: 8 }, async (_, lane) => {
    for (let n = 0; ; n++) {
      const answers = await first.client.batch(
        Array.from({ length: 20 }, (_, item) => ({ url: receiver.url, body: `${lane}/${n}/${item}` })),
      )
      acknowledged.push(...answers.flat().map((answer) => answer.messageId))
      if (acknowledged.length > 600) first.child.kill("SIGKILL")
    }
  })
  await Promise.allSettled(publishers)
  await first.gone
  expect(acknowledged.length).toBeGreaterThan(600)

  await startProcess("--state", stateDir)
  const missing = () => {
    const delivered = new Set(receiver.deliveries.map(({ headers }) => headers["upstash-message-id"]))
    return acknowledged.filter((id) => !delivered.has(id))
  }
  while (missing().length > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  expect(missing()).toEqual([])
})
