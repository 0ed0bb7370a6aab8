import { Fault } from "@imgmigrator/core/fault"
import { type ConfirmChannel, connect } from "amqplib"
import type { Broker } from "./celery-broker.ts"
import { amqpProperties, type Task } from "./celery-message.ts"
import type { Sink } from "./celery-sink.ts"
import { tlsOptions } from "./celery-tls.ts"

/** A channel with publisher confirms: what is confirmed is on the broker's disk, in a queue (RabbitMQ docs: Confirms). */
export async function openRabbitmq(broker: Broker & { kind: "rabbitmq" }, timeoutMs: number): Promise<Sink> {
  const { host, port, username, password, vhost, tls } = broker
  const connection = await connect(
    {
      protocol: tls ? "amqps" : "amqp",
      hostname: host,
      port,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      vhost: encodeURIComponent(vhost),
      // It lives for seconds, and each use has a time limit of its own.
      heartbeat: 0,
    },
    { timeout: timeoutMs, noDelay: true, ...(tls && (await tlsOptions(tls))) },
  )
  let blocked: string | undefined
  connection.on("blocked", (reason) => {
    blocked = reason
  })
  connection.on("unblocked", () => {
    blocked = undefined
  })
  // A broken connection fails the publish that waits for it; without a listener it would end the process.
  connection.on("error", () => {})
  const channel = await connection.createConfirmChannel()
  channel.on("error", () => {})
  const returned = new Set<string>()
  channel.on("return", ({ properties }) => returned.add(String(properties.correlationId)))
  return {
    async send(queue, task) {
      if (blocked) throw full(blocked)
      await publish(channel, queue, task)
      // Returned comes before confirmed. A queue that exists is left alone: its arguments are its owner's.
      if (!returned.delete(task.id)) return { deduplicated: false }
      await declare(channel, queue)
      await publish(channel, queue, task)
      if (!returned.delete(task.id)) return { deduplicated: false }
      throw new Error(`The queue ${queue} does not keep messages.`)
    },
    close: () => connection.close(),
  }
}

const publish = (channel: ConfirmChannel, queue: string, task: Task) =>
  new Promise<void>((resolve, reject) => {
    const options = { ...amqpProperties(task), mandatory: true }
    channel.publish("", queue, task.body, options, (error) => (error ? reject(error) : resolve()))
  })

/** A queue as Celery declares it where nothing else is configured: durable, bound to a direct exchange of its name. */
async function declare(channel: ConfirmChannel, queue: string): Promise<void> {
  await channel.assertQueue(queue, { durable: true })
  await channel.assertExchange(queue, "direct", { durable: true })
  await channel.bindQueue(queue, queue, queue)
}

const full = (reason: string) =>
  new Fault("unavailable", "dispatch.blocked", `RabbitMQ takes no messages at the moment: ${reason}.`, {
    scope: "store",
    retryAfterMs: 60_000,
  })
