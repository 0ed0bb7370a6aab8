import { accept, Fault, worthRetrying } from "@imgmigrator/core/fault"
import { Payload } from "@imgmigrator/core/payload"
import middy from "@middy/core"
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from "aws-lambda"
import { log, withLogFields } from "../log.ts"
import { count, flushMetrics } from "../metrics.ts"
import { webhookPath } from "../webhooks/address.ts"
import { signedBytes } from "../webhooks/signed.ts"
import { problem } from "./problem.ts"
import { headersOf, parseJson } from "./request.ts"

/** What a delivery led to. `busy`: somebody else has the lane. `again`: this delivery is to come once more. */
export type Outcome = {
  readonly outcome: "done" | "busy" | "again"
  readonly retryAfterSeconds?: number
}

export type Delivered = {
  /** Ms since 1970: stop taking work, and answer. */
  readonly deadline: number
  /** How often this message was delivered before. */
  readonly retried: number
  readonly messageId: string
}

/** A delivery takes at most this long, wherever it arrives, so that many migrations have their turns. */
const longestMs = 120_000
/** What is left for the last checkpoint and the answer. */
const marginMs = 5_000

/** A payload is two ids; this is generous. */
const bodyLimit = 64 * 1024

/**
 * A delivery: at least once, maybe late, maybe twice. Answers that QStash understands (Upstash docs: QStash > Retry):
 * 200 done or nothing to do · 503 with Retry-After: again · 489 with `Upstash-NonRetryable-Error`: never again ·
 * 401: not signed for us; that is tried again too, so that a botched rotation of the keys loses nothing.
 */
export const delivery = (run: (payload: Payload, delivered: Delivered) => Promise<Outcome>) =>
  middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>({ timeoutEarlyInMillis: 500 })
    .after(flushMetrics)
    .onError((request) => {
      request.response = withLogFields(idsOf(request.event), () => refusal(request.error))
      flushMetrics()
    })
    .handler((event, context) =>
      withLogFields(idsOf(event), async () => {
        const body = parseJson(signedBytes(event, webhookPath, bodyLimit))
        const payload = accept(Payload, body, "delivery.payload")
        const { migration_id, user_id, lane } = payload
        return withLogFields({ migration_id, user_id, lane }, () =>
          timed(
            async () => answer(await run(payload, deliveredBy(event, context)), retriedOf(event)),
            retriedOf(event),
          ).catch(refusal),
        )
      }),
    )

const idsOf = (event: APIGatewayProxyEventV2) => ({
  request_id: event.requestContext?.requestId,
  message_id: headersOf(event)["upstash-message-id"],
  retried: retriedOf(event),
})

function retriedOf(event: APIGatewayProxyEventV2): number {
  const header = headersOf(event)["upstash-retried"] ?? ""
  return /^\d{1,6}$/.test(header) ? Number(header) : 0
}

function deliveredBy(event: APIGatewayProxyEventV2, context: Partial<Context>): Delivered {
  const remaining = context.getRemainingTimeInMillis?.() ?? Number.POSITIVE_INFINITY
  return {
    deadline: Date.now() + Math.max(0, Math.min(longestMs, remaining - marginMs)),
    retried: retriedOf(event),
    messageId: headersOf(event)["upstash-message-id"] ?? "",
  }
}

/** Counted however it ends: each attempt is one of the plan's messages. */
async function timed<Result>(run: () => Promise<Result>, retried: number): Promise<Result> {
  const start = performance.now()
  count("Deliveries")
  if (retried > 0) count("DeliveriesRetried")
  try {
    return await run()
  } finally {
    count("DeliveryDuration", Math.round(performance.now() - start))
  }
}

/** A first delivery that finds its lane taken is a duplicate: done. A later one waits for the lease to end. */
function answer({ outcome, retryAfterSeconds }: Outcome, retried: number): APIGatewayProxyStructuredResultV2 {
  const isDone = outcome === "done" || (outcome === "busy" && retried === 0)
  log.info("delivery processed", { outcome })
  return isDone ? json(200, { outcome }) : again({ outcome }, retryAfterSeconds)
}

/** What is answered where it failed. One log line each: a caller's mistake, an outage, or a bug of ours. */
function refusal(error: unknown): APIGatewayProxyStructuredResultV2 {
  const body = problem(error)
  const fields = { instance: body.instance, error }
  if (error instanceof Fault && error.code === "delivery.signature") {
    count("DeliveriesRefused")
    log.warn("delivery refused", { ...fields })
    return json(401, body)
  }
  if (!(error instanceof Fault)) {
    count("DeliveryFaults")
    log.error("delivery failed", fields)
    return again(body)
  }
  log.warn("delivery failed", fields)
  if (worthRetrying(error)) return again(body, error.retryAfterMs && error.retryAfterMs / 1000)
  return json(489, body, { "upstash-nonretryable-error": "true" })
}

/** Jittered: messages that failed together must not come back together. */
function again(body: unknown, seconds = 15): APIGatewayProxyStructuredResultV2 {
  return json(503, body, { "retry-after": String(Math.ceil(seconds * (1 + Math.random() / 2))) })
}

const json = (statusCode: number, body: unknown, headers: Record<string, string> = {}) => ({
  statusCode,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(body),
})
