import type { Fields } from "../http/headers.ts"

/** What a key of flow control may do at once and over time. `periodMs` goes with `rate`. */
export type FlowConfig = { readonly parallelism?: number; readonly rate?: number; readonly periodMs: number }

/** How a callback is to be made: the `Upstash-Callback-*` headers. */
export type CallbackOptions = {
  readonly url: string
  readonly method: string
  readonly headers: Fields
  readonly retries?: number
  readonly retryDelay?: string
  readonly timeoutMs?: number
}

export type Redaction = { readonly body: boolean; readonly headers: boolean | readonly string[] }

/** What a publisher asks for; a URL group or a schedule makes several messages of one. */
export type Order = {
  readonly method: string
  readonly headers: Fields
  readonly body: Buffer
  readonly maxRetries: number
  readonly retryDelay?: string
  readonly timeoutMs?: number
  readonly notBefore?: number
  readonly delayMs?: number
  readonly callback?: CallbackOptions
  readonly failureCallback?: CallbackOptions
  readonly flowKey?: string
  readonly flow?: FlowConfig
  readonly labels: readonly string[]
  readonly redaction?: Redaction
  readonly deduplicationId?: string
  readonly contentDeduplication: boolean
  readonly callerIp: string
}

/** One message on its way to one URL. */
export type Message = Omit<Order, "notBefore" | "delayMs" | "deduplicationId" | "contentDeduplication"> & {
  readonly id: string
  readonly url: string
  readonly createdAt: number
  readonly queueName?: string
  readonly topicName?: string
  readonly endpointName?: string
  readonly scheduleId?: string
  /** A callback holds the place of its source in this queue until it is through. */
  readonly holds?: { readonly queue: string; readonly source: string }
  /** ms; the next attempt is not made before. */
  notBefore: number
  /** Attempts that have failed so far. */
  retried: number
}

/** The last answer to a message, or why there was none. */
export type Answer = {
  readonly status: number
  readonly headers: Fields
  readonly body: Buffer
  readonly error?: string
}

/** A message that was given up, with the last answer. */
export type DeadLetter = {
  readonly dlqId: string
  readonly message: Message
  readonly answer: Answer
  readonly at: number
}
