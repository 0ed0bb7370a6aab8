import { findApiKey } from "@imgmigrator/functions/db/api-keys"
import type { Invocation } from "../gateway/invoke.ts"

/** For whoever sends requests to one of several instances. Not part of the API: in AWS nobody asks. */
export const readyRoute = { name: "ready", method: "GET", path: "/ready", access: "public" } as const

const patienceMs = 3_000

/**
 * 200 where requests will be served, 503 where they would fail: the table does not answer. Who delivers is not asked:
 * without a broker migrations are still recorded, and wait.
 */
export async function readiness(): Promise<Invocation> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), patienceMs)
  const answers = touchTable().then(
    () => true,
    () => false,
  )
  const isReady = await Promise.race([answers, late]).finally(() => clearTimeout(timer))
  const body = isReady
    ? { status: "ready" }
    : { status: "waiting", reason: "The DynamoDB table does not answer." }
  return {
    result: {
      statusCode: isReady ? 200 : 503,
      headers: { "content-type": "application/json", "cache-control": "no-store" },
      body: JSON.stringify(body),
    },
  }
}

/** Any read will do: it shows region, credentials, permissions and the table's name at once. */
export async function touchTable(): Promise<void> {
  await findApiKey("is the table there?")
}
