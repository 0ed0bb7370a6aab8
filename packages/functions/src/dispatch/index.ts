import { celeryDispatcher } from "./celery.ts"
import type { Dispatcher } from "./dispatcher.ts"
import { qstashDispatcher } from "./qstash.ts"
import { dispatcherSettings } from "./settings.ts"

/**
 * What delivers, as the settings say: with QSTASH_TOKEN QStash, else with CELERY_BROKER_URL Celery. Fault
 * `unavailable settings.missing` with neither.
 */
export function dispatcher(): Dispatcher {
  const settings = dispatcherSettings()
  return settings.kind === "qstash" ? qstashDispatcher(settings) : celeryDispatcher()
}

/** Which dispatcher is active, and why; for the health route and the log at start. */
export function describeDispatcher(): {
  readonly kind: Dispatcher["kind"] | "none"
  readonly reason: string
} {
  try {
    const { kind } = dispatcherSettings()
    return { kind, reason: reasons[kind] }
  } catch (error) {
    return { kind: "none", reason: error instanceof Error ? error.message : String(error) }
  }
}

const reasons = {
  qstash: "QSTASH_TOKEN is set.",
  celery: "QSTASH_TOKEN is not set, CELERY_BROKER_URL is.",
} as const
