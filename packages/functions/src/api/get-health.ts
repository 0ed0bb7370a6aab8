import { describeDispatcher } from "../dispatch/index.ts"
import { qstashPlan, reservedConcurrency, signingKeys } from "../dispatch/settings.ts"
import { publicRoute } from "../middleware/route.ts"
import { tableName } from "../settings.ts"
import { storeCredentials } from "../store-settings.ts"
import { publishTo, webhookPath } from "../webhooks/address.ts"

/** The settings that the service can't do without, each with what reads it. */
const checks: readonly (readonly [name: string, check: () => unknown])[] = [
  ["TABLE_NAME", tableName],
  ["QSTASH_CURRENT_SIGNING_KEY", signingKeys],
  ["BASE_URL", () => publishTo(webhookPath)],
  ["QSTASH_PLAN", qstashPlan],
  ["WORKER_CONCURRENCY", reservedConcurrency],
  ["STORE_CREDENTIALS", storeCredentials],
]

/** `GET /api/v1/health`: what delivers, and what is missing or wrong. Names only: it is public. */
export const handler = publicRoute(async () => {
  const active = describeDispatcher()
  const misconfigured = [
    ...(active.kind === "none" ? ["QSTASH_TOKEN"] : []),
    ...checks.filter(([, check]) => !passes(check)).map(([name]) => name),
  ]
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
