import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { closeSinks } from "../../packages/functions/src/dispatch/celery-sink.ts"
import { celeryContract } from "./support/contract.ts"
import { installed } from "./support/debian.ts"
import { publish, queue } from "./support/publisher.ts"
import { startRedisBroker } from "./support/redis.ts"
import { startWebhook, type Webhook } from "./support/webhook.ts"
import { startWorker, type Worker } from "./support/worker.ts"

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 }) // whole programs, on machines that may be busy
process.env.LOG_LEVEL = "SILENT"

describe.skipIf(!installed("redis-server", "python3-celery", "python3-redis"))("Celery with Redis:", () => {
  let broker: Awaited<ReturnType<typeof startRedisBroker>>
  let webhook: Webhook
  let worker: Worker
  beforeAll(async () => {
    ;[broker, webhook] = await Promise.all([startRedisBroker(), startWebhook()])
    worker = await startWorker({ broker: broker.url, baseUrl: webhook.url })
  })
  afterAll(async () => {
    await worker?.close()
    await closeSinks()
    await Promise.all([broker?.close(), webhook?.close()])
  })

  test("a worker that is lost with its machine loses no message: another one gets it after the visibility timeout", async () => {
    const url = broker.url.replace(/0$/, "1") // its own database: what is taken too long in this one is put back
    const start = () =>
      startWorker({
        broker: url,
        baseUrl: webhook.url,
        pool: "threads",
        env: { CELERY_VISIBILITY_TIMEOUT: "1" },
      })
    const expected = webhook.expect("lost", (_, nth) =>
      nth === 1 ? new Promise<never>(() => {}) : { status: 200 },
    )
    const lost = await start()
    const id = await publish(url, "lost")
    const { at } = await expected.nth(1)
    await lost.lose()
    await vi.waitUntil(() => Date.now() > at + 1_000, { timeout: 10_000 })
    const next = await start()
    expect((await expected.nth(2)).headers).toMatchObject({
      "upstash-message-id": id,
      "upstash-retried": "1",
    })
    await next.lose()
  })

  celeryContract({ broker: () => broker, webhook: () => webhook, worker: () => worker })

  test("what is no message at all is a dead letter too, and not the end of the worker", async () => {
    const items = [
      "no JSON",
      '"a text"',
      '{"foo":1}',
      '{"body":"%","properties":{"delivery_info":{}}}',
      "\u0000",
    ]
    for (const item of items) {
      await broker.redis.command("LPUSH", queue, item)
      expect((await broker.dead(/no message of Celery's/, item)).body).toBe(item)
    }
  })
})
