import { Fault } from "@imgmigrator/core/fault"
import type { Dispatcher } from "./dispatcher.ts"

/** Recognised, so that nobody wonders why nothing happens; sending through Celery is not built yet. */
export const celeryDispatcher = (): Dispatcher => ({
  kind: "celery",
  publish: async () => {
    throw new Fault(
      "unavailable",
      "dispatch.celery",
      "CELERY_BROKER_URL is set, but sending through Celery is not built yet. Set QSTASH_TOKEN to use QStash.",
      { scope: "store", retryAfterMs: 600_000 },
    )
  },
})
