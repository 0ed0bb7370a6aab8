import { startConfigured } from "@imgmigrator/local"
import { freePort, startDynamo } from "../../support/dynamodb.ts"
import type { Started } from "../../support/service.ts"
import { startRabbitmq } from "./rabbitmq.ts"
import { startRedisBroker } from "./redis.ts"
import { signingKey, startWorker } from "./worker.ts"

const brokers: Readonly<Record<string, () => Promise<{ readonly url: string; close(): Promise<void> }>>> = {
  redis: startRedisBroker,
  rabbitmq: startRabbitmq,
}

/** The service as on a server, with this broker and a Celery worker; stores may be folders and on this machine. */
export async function startCeleryService(broker: string, log: (line: string) => void): Promise<Started> {
  const start = brokers[broker]
  if (!start)
    throw new Error(`TEST_DISPATCHER is "${broker}". Use qstash, ${Object.keys(brokers).join(" or ")}.`)
  const [dynamo, { url: brokerUrl, close }, port] = await Promise.all([startDynamo(), start(), freePort()])
  const baseUrl = `http://127.0.0.1:${port}`
  Object.assign(process.env, {
    IMGMIGRATOR_LOCAL: "1",
    BASE_URL: baseUrl,
    CELERY_BROKER_URL: brokerUrl,
    CELERY_SIGNING_KEY: signingKey,
    LOG_LEVEL: process.env.DEBUG_SERVICE ? "INFO" : "SILENT",
  })
  const options = { host: "127.0.0.1", port, workers: 2, log }
  const [service, worker] = await Promise.all([
    startConfigured(options),
    startWorker({ broker: brokerUrl, baseUrl, concurrency: 4 }),
  ])
  const { createApiKey } = await import("../../../packages/functions/src/db/api-keys.ts")
  const { key } = await createApiKey({ userId: "ana", name: "test", at: Date.now() })
  return {
    url: service.url,
    apiKey: key,
    async close() {
      await worker.close()
      await service.close()
      await close()
      await dynamo.close()
    },
  }
}
