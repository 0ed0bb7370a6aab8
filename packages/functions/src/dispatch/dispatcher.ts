/** What wakes a lane of a migration. Without `lane`: the migration itself, from wherever it stands. */
export type Message = {
  readonly migration_id: string
  readonly user_id: string
  readonly lane?: number
}

export type PublishOptions = {
  /** Hex; the same id within ten minutes is delivered once. */
  readonly deduplicationId: string
  readonly delaySeconds?: number
}

/** Whatever delivers messages to the webhook: at least once, maybe late, maybe twice, signed. */
export type Dispatcher = {
  readonly kind: "qstash" | "celery"
  /** What the plan allows; absent: no limit that concerns us. */
  readonly messagesPerDay?: number | undefined
  /** Fault `unavailable dispatch.*` where the message was not accepted (`retryAfterMs` until a quota resets). */
  publish(message: Message, options: PublishOptions): Promise<{ readonly messageId: string }>
}
