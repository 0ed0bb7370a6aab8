import { celeryBroker, celeryQueue } from "../dispatch/celery-settings.ts"
import { describeDispatcher } from "../dispatch/index.ts"
import {
  celeryKeys,
  dispatcherSettings,
  qstash,
  qstashKeys,
  qstashPlan,
  reservedConcurrency,
} from "../dispatch/settings.ts"
import { publicRoute } from "../middleware/route.ts"
import { retentionDays, setting, tableName } from "../settings.ts"
import { storeCredentials } from "../store-settings.ts"
import { publishTo, webhookPath } from "../webhooks/address.ts"

/** The settings that the service can't do without, each with what reads it. */
const checks: readonly (readonly [name: string, check: () => unknown])[] = [
  ["TABLE_NAME", tableName],
  ["QSTASH_TOKEN", () => setting("CELERY_BROKER_URL") || dispatcherSettings()],
  ["CELERY_BROKER_URL", () => qstash() || celeryBroker()],
  ["CELERY_QUEUE", () => qstash() || celeryQueue()],
  ["QSTASH_CURRENT_SIGNING_KEY", qstashKeys],
  ["CELERY_SIGNING_KEY", celeryKeys],
  ["BASE_URL", () => publishTo(webhookPath)],
  ["QSTASH_PLAN", qstashPlan],
  ["WORKER_CONCURRENCY", reservedConcurrency],
  ["STORE_CREDENTIALS", storeCredentials],
  ["MIGRATION_RETENTION_DAYS", retentionDays],
]

/** `GET /api/v1/health`: what delivers, and what is missing or wrong. Names only: it is public. */
export const handler = publicRoute(async () => {
  const active = describeDispatcher()
  const misconfigured = checks.filter(([, check]) => !passes(check)).map(([name]) => name)
  const status = misconfigured.length === 0 ? "ok" : "misconfigured"
  return { status: status === "ok" ? 200 : 503, body: { status, dispatcher: active, misconfigured } }
})

function passes(check: () => unknown): boolean {
  try {
    check()
    return true
  } catch {
    return false
  }
}
