import { createHash } from "node:crypto"
import type { Message } from "./dispatcher.ts"

export const taskName = "imgmigrator.process_migration"

/** Older messages are worth nothing: the sweeper has sent a newer one an hour after the last at the latest. */
const lifetimeMs = 2 * 3_600_000

export type Task = {
  readonly id: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Buffer
  /** Ms until a broker may throw it away. */
  readonly expiresInMs: number
}

type Wish = {
  readonly message: Message
  /** Hex. */
  readonly deduplicationId: string
  /** Ms since 1970. */
  readonly at: number
  readonly delaySeconds?: number
}

/**
 * A message of Celery's task protocol, version 2 (Celery docs: Message Protocol): what a worker needs to run
 * `imgmigrator.process_migration` with the payload as its keyword arguments.
 */
export function taskOf({ message, deduplicationId, at, delaySeconds = 0 }: Wish): Task {
  const id = taskId(deduplicationId)
  const expiresInMs = Math.ceil(delaySeconds * 1000) + lifetimeMs
  const { migration_id, user_id, lane } = message
  const kwargs = { migration_id, user_id, ...(lane !== undefined && { lane }) }
  return {
    id,
    expiresInMs,
    headers: {
      lang: "py",
      task: taskName,
      id,
      shadow: null,
      eta: delaySeconds > 0 ? isoformat(at + Math.ceil(delaySeconds * 1000)) : null,
      expires: isoformat(at + expiresInMs),
      group: null,
      group_index: null,
      retries: 0,
      timelimit: [null, null],
      root_id: id,
      parent_id: null,
      argsrepr: "()",
      kwargsrepr: repr(kwargs),
      origin: "imgmigrator",
      ignore_result: true,
    },
    body: Buffer.from(
      JSON.stringify([[], kwargs, { callbacks: null, errbacks: null, chain: null, chord: null }]),
    ),
  }
}

/** One id for one send, however often it is tried; a UUID of our own making (RFC 9562, version 8). */
function taskId(deduplicationId: string): string {
  const hex = createHash("sha256").update(deduplicationId).digest("hex")
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** As Python writes it. Celery 5.2's own reader of dates takes the offset, older Pythons' takes no `Z`. */
const isoformat = (ms: number) => new Date(ms).toISOString().replace(/Z$/, "000+00:00")

/** For people who look at a worker's log: a dict as Python prints it. Ids hold no quotes and no backslashes. */
const repr = (kwargs: Readonly<Record<string, string | number>>) =>
  `{${Object.entries(kwargs)
    .map(([name, value]) => `'${name}': ${typeof value === "number" ? value : `'${value}'`}`)
    .join(", ")}}`

/** How kombu keeps a message in a Redis list (kombu docs: Virtual Transport; its Redis transport). */
export const redisEnvelope = (task: Task, queue: string, deliveryTag: string): string =>
  JSON.stringify({
    body: task.body.toString("base64"),
    "content-encoding": "utf-8",
    "content-type": "application/json",
    headers: task.headers,
    properties: {
      correlation_id: task.id,
      reply_to: "",
      delivery_mode: 2,
      expiration: String(task.expiresInMs),
      // The default exchange: a worker that puts it back then needs no binding.
      delivery_info: { exchange: "", routing_key: queue },
      priority: 0,
      body_encoding: "base64",
      delivery_tag: deliveryTag,
    },
  })

/** The same as properties of an AMQP 0-9-1 message, in amqplib's words. */
export const amqpProperties = (task: Task) => ({
  contentType: "application/json",
  contentEncoding: "utf-8",
  headers: task.headers,
  correlationId: task.id,
  replyTo: "",
  deliveryMode: 2,
  priority: 0,
  expiration: String(task.expiresInMs),
})
