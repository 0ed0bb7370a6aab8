import { Fault } from "@imgmigrator/core/fault"
import * as z from "zod"
import { log } from "../log.ts"
import { count } from "../metrics.ts"
import { failurePath, publishTo, webhookPath } from "../webhooks/address.ts"
import type { Dispatcher, Message, PublishOptions } from "./dispatcher.ts"
import { attemptMs, patiently, within } from "./patience.ts"
import { refusalOf, type Sdk } from "./refusal.ts"
import { deliveryParallelism, qstashPlan } from "./settings.ts"

/** One key for all deliveries, so that together they keep to the plan's or the worker's limit. */
const flowControlKey = "imgmigrator"
/** A little longer than the worker's own timeout (routes.ts): it is the worker that gives up first. */
const deliveryTimeoutSeconds = 310
/** Attempts after the first. What is lost after them, the sweeper finds. */
const deliveryRetries = 3

const Published = z.object({ messageId: z.string(), deduplicated: z.boolean().optional() })

type Account = { readonly url: string; readonly token: string }

/** Publishes to QStash: signed, retried and delivered to our webhook by it; a repeat is deduplicated by its id. */
export const qstashDispatcher = (account: Account, now: () => number = Date.now): Dispatcher => ({
  kind: "qstash",
  messagesPerDay: qstashPlan().messagesPerDay,
  publish: async (message, options) => {
    const ids = { migration_id: message.migration_id, lane: message.lane }
    // Only now: it takes as long to load as a third of a worker, and most of those never send a message.
    const sdk = await import("@upstash/qstash")
    const { messageId, deduplicated } = await patiently(
      () => publish(sdk, account, message, options),
      (error) => refusalOf(sdk, error, now()),
    ).catch((error: unknown) => {
      count("PublishFailures")
      throw error
    })
    count("MessagesPublished")
    log.info("published to QStash", { message_id: messageId, ...ids, ...(deduplicated && { deduplicated }) })
    return { messageId }
  },
})

async function publish(
  { Client }: Sdk,
  { url, token }: Account,
  message: Message,
  { deduplicationId, delaySeconds = 0 }: PublishOptions,
) {
  // Neither the SDK's own retries (it has no timeout to go with them) nor its development mode (it would believe
  // QSTASH_DEV even where our settings do not).
  const client = new Client({ baseUrl: url, token, retry: false, devMode: false, enableTelemetry: false })
  const answer = await within(
    attemptMs,
    "QStash",
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
