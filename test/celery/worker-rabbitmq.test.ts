import { connect } from "amqplib"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { closeSinks } from "../../packages/functions/src/dispatch/celery-sink.ts"
import { celeryContract } from "./support/contract.ts"
import { installed } from "./support/debian.ts"
import { faultOf, publish, queue } from "./support/publisher.ts"
import { startRabbitmq } from "./support/rabbitmq.ts"
import { startWebhook, type Webhook } from "./support/webhook.ts"
import { startWorker, type Worker } from "./support/worker.ts"

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 }) // whole programs, on machines that may be busy
process.env.LOG_LEVEL = "SILENT"

describe.skipIf(!installed("rabbitmq-server", "python3-celery"))("Celery with RabbitMQ:", () => {
  let broker: Awaited<ReturnType<typeof startRabbitmq>>
  let webhook: Webhook
  let worker: Worker
  beforeAll(async () => {
    ;[broker, webhook] = await Promise.all([startRabbitmq(), startWebhook()])
  })
  afterAll(async () => {
    await worker?.close()
    await closeSinks()
    await Promise.all([broker?.close(), webhook?.close()])
  })

  test("a queue that is not there is made as Celery makes it, and one that is there is left as it is", async () => {
    await publish(broker.url, "first")
    const connection = await connect(broker.url)
    const channel = await connection.createChannel()
    expect((await channel.checkQueue(queue)).messageCount).toBe(1)
    await channel.checkExchange(queue)
    await channel.deleteQueue(queue)
    // Such a queue can't be declared without these arguments: RabbitMQ would close the channel.
    await channel.assertQueue(queue, { durable: true, maxPriority: 10, messageTtl: 60_000 })
    await publish(broker.url, "second")
    expect((await channel.checkQueue(queue)).messageCount).toBe(1)
    await channel.deleteQueue(queue)
    await connection.close()
  })

  test("what Celery's own protocol has as properties is there, as RabbitMQ keeps it", async () => {
    const id = await publish(broker.url, "properties", { delaySeconds: 5 })
    const connection = await connect(broker.url)
    const channel = await connection.createChannel()
    const message = await channel.get(queue, { noAck: true })
    await connection.close()
    expect(message).toMatchObject({
      properties: {
        contentType: "application/json",
        contentEncoding: "utf-8",
        deliveryMode: 2,
        correlationId: id,
        priority: 0,
        expiration: "7205000",
        headers: {
          task: "imgmigrator.process_migration",
          id,
          retries: 0,
          timelimit: [null, null],
          group: null,
        },
      },
    })
  })

  test.for([
    [
      "guest:wrong-s3cret",
      "",
      "dispatch.unauthorized",
      "the user or the password in CELERY_BROKER_URL is wrong",
    ],
    ["guest:guest", "elsewhere", "dispatch.refused", "its user may not use the vhost in CELERY_BROKER_URL"],
  ] as const)(
    "%s at vhost %s is told as what is wrong with the setting",
    async ([user, vhost, code, words]) => {
      const url = broker.url.replace("guest:guest", user).replace(/\/$/, vhost)
      const fault = await faultOf(publish(url, "refused"))
      expect(fault).toMatchObject({ kind: "unavailable", code, scope: "store" })
      expect(fault.message).toContain(words)
      expect(fault.message).not.toContain("s3cret")
    },
  )

  test("both sides speak TLS, if its certificate is one of those that the address names", async () => {
    const { url, ca } = broker.tls
    expect(await faultOf(publish(url, "tls"))).toMatchObject({ code: "dispatch.unreachable" })
    const expected = webhook.expect("tls")
    const known = `${url}?ssl_ca_certs=${ca}`
    await publish(known, "tls")
    worker = await startWorker({ broker: known, baseUrl: webhook.url, pool: "threads" })
    await expected.nth(1)
  })

  test("a worker that is lost with its machine loses no message: another one gets it, and not as a first one", async () => {
    const expected = webhook.expect("lost", (_, nth) =>
      nth === 1 ? new Promise<never>(() => {}) : { status: 200 },
    )
    const id = await publish(broker.url, "lost")
    await expected.nth(1)
    await worker.lose()
    worker = await startWorker({ broker: broker.url, baseUrl: webhook.url })
    expect((await expected.nth(2)).headers).toMatchObject({
      "upstash-message-id": id,
      "upstash-retried": "1",
    })
  })

  celeryContract({ broker: () => broker, webhook: () => webhook, worker: () => worker })
})
