import { setting } from "../settings.ts"
import { celeryDispatcher, celeryNotes } from "./celery.ts"
import type { Dispatcher } from "./dispatcher.ts"
import { qstashDispatcher } from "./qstash.ts"
import { dispatcherSettings } from "./settings.ts"

/**
 * What delivers, as the settings say: with QSTASH_TOKEN QStash, else with CELERY_BROKER_URL Celery. Fault
 * `unavailable settings.missing` with neither.
 */
export function dispatcher(): Dispatcher {
  const settings = dispatcherSettings()
  return settings.kind === "qstash" ? qstashDispatcher(settings) : celeryDispatcher(settings)
}

/** Which dispatcher is active, and why; for the health route and the log at start. `notes`: where it is not as QStash. */
export function describeDispatcher(): {
  readonly kind: Dispatcher["kind"] | "none"
  readonly reason: string
  readonly notes?: readonly string[]
} {
  try {
    const settings = dispatcherSettings()
    if (settings.kind === "celery")
      return {
        kind: "celery",
        reason: "QSTASH_TOKEN is not set, CELERY_BROKER_URL is.",
        notes: celeryNotes(settings.broker.kind),
      }
    const unused = setting("CELERY_BROKER_URL") ? " CELERY_BROKER_URL is set too, and not used." : ""
    return { kind: "qstash", reason: `QSTASH_TOKEN is set.${unused}` }
  } catch (error) {
    return { kind: "none", reason: error instanceof Error ? error.message : String(error) }
  }
}
