import { Fault } from "@imgmigrator/core/fault"
import { type ConfirmChannel, connect } from "amqplib"
import type { Broker } from "./celery-broker.ts"
import { amqpProperties, type Task } from "./celery-message.ts"
import type { Sink } from "./celery-sink.ts"
import { tlsOptions } from "./celery-tls.ts"
import { within } from "./patience.ts"

/** A channel with publisher confirms: what is confirmed is on the broker's disk, in a queue (RabbitMQ docs: Confirms). */
export async function openRabbitmq(broker: Broker & { kind: "rabbitmq" }, timeoutMs: number): Promise<Sink> {
  const gone = new AbortController()
  const connection = await dial(broker, timeoutMs, gone.signal)
  // Politely, and then for good: a broker that does not answer must not hold us.
  const close = () => within(500, "RabbitMQ", connection.close()).finally(() => gone.abort())
  let blocked: string | undefined
  connection.on("blocked", (reason) => {
    blocked = reason
  })
  connection.on("unblocked", () => {
    blocked = undefined
  })
  // A broken connection fails the publish that waits for it; without a listener it would end the process.
  connection.on("error", () => {})
  const channel = await connection.createConfirmChannel().catch((error: unknown) => {
    gone.abort()
    throw error
  })
  channel.on("error", () => {})
  const returned = new Set<string>()
  channel.on("return", ({ properties }) => returned.add(String(properties.correlationId)))
  /** Resolves with whether a queue took it: the return of what none took comes before its confirmation. */
  const isKept = async (queue: string, task: Task) => {
    await publish(channel, queue, task)
    return !returned.delete(task.id)
  }
  return {
    async send(queue, task) {
      if (blocked) throw full(blocked)
      // A queue that exists is left alone: its arguments are its owner's.
      if (await isKept(queue, task)) return { deduplicated: false }
      await declare(channel, queue)
      if (await isKept(queue, task)) return { deduplicated: false }
      throw new Error(`The queue ${queue} does not keep messages.`)
    },
    close,
  }
}

async function dial(broker: Broker & { kind: "rabbitmq" }, timeout: number, signal: AbortSignal) {
  const { host, port, username, password, vhost, tls } = broker
  // The socket's own option `signal` (Node docs: net.connect) is passed on, though the types do not know it.
  const socket = { timeout, noDelay: true, signal, ...(tls && (await tlsOptions(tls))) }
  return connect(
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
    socket,
  )
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
