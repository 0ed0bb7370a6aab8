import { setTimeout as sleep } from "node:timers/promises"
import { Fault } from "@imgmigrator/core/fault"
import { Client } from "@upstash/qstash"
import * as z from "zod"
import { log } from "../log.ts"
import { count } from "../metrics.ts"
import { failurePath, publishTo, webhookPath } from "../webhooks/address.ts"
import type { Dispatcher, Message, PublishOptions } from "./dispatcher.ts"
import { isPassing, refusalOf } from "./refusal.ts"
import { deliveryParallelism } from "./settings.ts"

/** One key for all deliveries, so that together they keep to the plan's or the worker's limit. */
const flowControlKey = "imgmigrator"
/** A little longer than the worker's own timeout (routes.ts): it is the worker that gives up first. */
const deliveryTimeoutSeconds = 310
/** Attempts after the first. What is lost after them, the sweeper finds. */
const deliveryRetries = 3

const attempts = 3
const attemptMs = 2_500
/** A caller of the API is waiting: after this, the sweeper goes on. */
const budgetMs = 6_000

const Published = z.object({ messageId: z.string(), deduplicated: z.boolean().optional() })

/** Publishes to QStash: signed, retried and delivered to our webhook by it. */
export const qstashDispatcher = (account: { readonly url: string; readonly token: string }): Dispatcher => ({
  kind: "qstash",
  publish: async (message, options) => {
    const ids = { migration_id: message.migration_id, lane: message.lane }
    const { messageId, deduplicated } = await patiently(() => publish(account, message, options)).catch(
      (error: unknown) => {
        count("PublishFailures")
        throw error
      },
    )
    count("MessagesPublished")
    log.info("published to QStash", { message_id: messageId, ...ids, ...(deduplicated && { deduplicated }) })
    return { messageId }
  },
})

async function publish(
  { url, token }: { readonly url: string; readonly token: string },
  message: Message,
  { deduplicationId, delaySeconds = 0 }: PublishOptions,
) {
  // Neither the SDK's own retries (it has no timeout to go with them) nor its development mode (it would believe
  // QSTASH_DEV even where our settings do not).
  const client = new Client({ baseUrl: url, token, retry: false, devMode: false, enableTelemetry: false })
  const answer = await within(
    attemptMs,
    client.publishJSON({
      url: publishTo(webhookPath),
      body: message,
      deduplicationId,
      ...(delaySeconds > 0 && { delay: Math.ceil(delaySeconds) }),
      retries: deliveryRetries,
      timeout: deliveryTimeoutSeconds,
      flowControl: { key: flowControlKey, parallelism: deliveryParallelism() },
      failureCallback: publishTo(failurePath),
      label: message.migration_id,
    }),
  )
  const published = Published.safeParse(answer)
  if (published.success) return published.data
  throw new Fault("unavailable", "dispatch.answer", "QStash's answer was not understood.", { scope: "store" })
}

/** Once more, and again, while it may help and somebody still waits; a repeat is deduplicated by its id. */
async function patiently<Result>(run: () => Promise<Result>): Promise<Result> {
  const end = performance.now() + budgetMs
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      const fault = refusalOf(error, Date.now())
      const pause =
        fault.code === "dispatch.rate" ? (fault.retryAfterMs ?? 0) : 100 * 2 ** attempt * Math.random()
      if (attempt === attempts || !isPassing(fault) || performance.now() + pause + attemptMs > end)
        throw fault
      await sleep(pause)
    }
  }
}

async function within<Result>(ms: number, run: Promise<Result>): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(late()), ms)
  return Promise.race([run, promise]).finally(() => clearTimeout(timer))
}

const late = () =>
  new Fault("unavailable", "dispatch.timeout", "QStash did not answer in time.", {
    scope: "store",
    retryAfterMs: 60_000,
  })
