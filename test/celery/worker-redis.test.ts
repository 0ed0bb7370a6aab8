import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { closeSinks } from "../../packages/functions/src/dispatch/celery-sink.ts"
import { celeryContract } from "./support/contract.ts"
import { installed } from "./support/debian.ts"
import { queue } from "./support/publisher.ts"
import { startRedisBroker } from "./support/redis.ts"
import { startWebhook, type Webhook } from "./support/webhook.ts"
import { startWorker, type Worker } from "./support/worker.ts"

process.env.LOG_LEVEL = "SILENT"

describe.skipIf(!installed("redis-server", "python3-celery", "python3-redis"))("Celery with Redis:", () => {
  let broker: Awaited<ReturnType<typeof startRedisBroker>>
  let webhook: Webhook
  let worker: Worker
  beforeAll(async () => {
    ;[broker, webhook] = await Promise.all([startRedisBroker(), startWebhook()])
    worker = await startWorker({ broker: broker.url, baseUrl: webhook.url, concurrency: 4 })
  })
  afterAll(async () => {
    await worker?.close()
    await closeSinks()
    await Promise.all([broker?.close(), webhook?.close()])
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
