import { type Asked, event } from "../../test/api/support/event.ts"

const caller = { user_id: "ana" }
const id = "mig_01JAAAAAAAAAAAAAAAAAAAAAAA"
const known = (method: string, end = ""): Asked => ({
  method,
  path: `/api/v1/migrations/${id}${end}`,
  pathParameters: { id },
  caller,
})
const webhook = { method: "POST", path: "/api/v1/webhooks/qstash", body: "{}" }

const asked: Readonly<Record<string, Asked>> = {
  CreateMigration: { method: "POST", path: "/api/v1/migrations", body: "{}", caller },
  ListMigrations: { path: "/api/v1/migrations", caller },
  GetMigration: known("GET"),
  CancelMigration: known("DELETE"),
  GetProgress: known("GET", "/progress"),
  GetReport: known("GET", "/report"),
  PauseMigration: known("POST", "/pause"),
  ResumeMigration: known("POST", "/resume"),
  RetryMigration: known("POST", "/retry"),
  GetHealth: { path: "/api/v1/health" },
  GetOpenapi: { path: "/api/v1/openapi.json" },
  ReceiveDelivery: webhook,
  ReceiveFailure: { ...webhook, path: `${webhook.path}/failure` },
  MigrationWorker: webhook,
  Authorizer: { headers: { authorization: "Bearer img_unknown" } },
}

/** A first event for a function: a real one, of a table that is empty, so the answer is 200, 400, 401 or 404. */
export const firstEvent = (component: string): unknown => {
  const request = asked[component]
  return request ? event(request) : {}
}
