import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, expect, test } from "vitest"
import * as z from "zod"
import { failurePath, webhookPath } from "../../packages/functions/src/webhooks/address.ts"
import { sign } from "../api/support/sign.ts"
import { type Asked, imgmigrator, request } from "./support/client.ts"
import { type Deployment, deploy } from "./support/deployment.ts"
import { emitted } from "./support/emf.ts"
import { metricsUsed } from "./support/monitoring.ts"
import type { Planned } from "./support/plan.ts"
import { patience, production } from "./support/stages.ts"
import { functions, ofType, routesOf, statements } from "./support/view.ts"

let plan: Planned
let deployment: Deployment
let key: string

beforeAll(async () => {
  plan = await production()
  deployment = await deploy(plan)
  key = await imgmigrator(plan, deployment, "keys", "create", "--user", "ana")
}, patience)
afterAll(() => deployment?.close())

/** Of an endpoint that the role's credentials must not go to, so that no network is needed to find out. */
const wish = {
  source: "s3://photos/2024",
  destination: "s3://photos/archive?endpoint=https://s3.example.com",
}

/** Held back, messages change nothing while a test looks. */
async function deliveries(does: "pause" | "resume") {
  const { url, token } = deployment.qstash
  const headers = { authorization: `Bearer ${token}` }
  await fetch(`${url}/v2/flowControl/imgmigrator/${does}`, { method: "POST", headers })
}

const ask = (route: string, asked: Asked = {}) =>
  request(deployment, route, { headers: { authorization: `Bearer ${key}` }, ...asked })

test("each route's uploaded bundle answers, with its links, as its role", { timeout: patience }, async () => {
  await deliveries("pause")
  const created = await ask("POST /api/v1/migrations", { body: wish })
  expect(created).toMatchObject({ status: 201, body: { user_id: "ana", status: "pending" } })
  const one = `/api/v1/migrations/${created.body.id}`
  const asked = [
    ["GET /api/v1/migrations", 200],
    [`GET ${one}`, 200],
    [`GET ${one}/progress`, 200],
    [`GET ${one}/report`, 200],
    [`POST ${one}/pause`, 200],
    [`POST ${one}/resume`, 200],
    [`POST ${one}/retry`, 409],
    [`DELETE ${one}`, 200],
    ["GET /api/v1/health", 200],
    ["GET /api/v1/openapi.json", 200],
    // Not signed.
    ["POST /api/v1/webhooks/qstash", 401],
    ["POST /api/v1/webhooks/qstash/failure", 401],
  ] as const
  for (const [route, status] of asked) expect([route, (await ask(route)).status]).toEqual([route, status])
  const routes = [
    "POST /api/v1/migrations",
    ...asked.map(([route]) => route.replace(created.body.id, "{id}")),
  ]
  expect(routes.sort()).toEqual(
    routesOf(plan)
      .map(({ routeKey }) => routeKey)
      .sort(),
  )
  await deliveries("resume")
})

test("without a key, or with a wrong one, nobody gets in", { timeout: patience }, async () => {
  expect(await ask("GET /api/v1/migrations", { headers: {} })).toMatchObject({ status: 401 })
  const headers = { authorization: `Bearer ${key.slice(0, -1)}_` }
  expect(await ask("GET /api/v1/migrations", { headers })).toMatchObject({ status: 403 })
})

test("what the API publishes, QStash delivers to the function URL, and the worker books it", {
  timeout: patience,
}, async () => {
  const { body } = await ask("POST /api/v1/migrations", { body: wish })
  let migration = body
  while (["pending", "running"].includes(migration.status)) {
    await sleep(50)
    migration = (await ask(`GET /api/v1/migrations/${body.id}`)).body
  }
  expect(migration).toMatchObject({ status: "failed", error: expect.anything() })
  // The delivery is answered a moment after the migration has ended.
  await deployment.qstash.idle()
  expect((await deployment.lambda("MigrationWorker")).lines()).toContainEqual(
    expect.objectContaining({ message: "delivery processed", outcome: "done", migration_id: body.id }),
  )
})

test("the sweeper's line says how things stand, as the alarms read it", { timeout: patience }, async () => {
  const sweeper = await deployment.lambda("Sweeper")
  await sweeper.invoke({})
  const filters = ofType(plan, "aws:cloudwatch/logMetricFilter:LogMetricFilter").map(({ inputs }) => inputs)
  expect(filters).toHaveLength(3)
  for (const { pattern, metricTransformation } of filters) {
    expect(pattern).toBe('{ $.message = "swept" }')
    const { value } = z.object({ value: z.string() }).parse(metricTransformation)
    expect(sweeper.lines()).toContainEqual(
      expect.objectContaining({ message: "swept", [value.replace("$.", "")]: expect.any(Number) }),
    )
  }
})

test("a failure callback is heard, at the API's address as well", { timeout: patience }, async () => {
  const body = JSON.stringify({ status: 503, retried: 3, sourceMessageId: "msg_1", sourceBody: "e30=" })
  const url = new URL(failurePath, deployment.apiUrl).href
  const signature = sign({ body, url, key: "sig_current", now: Math.floor(Date.now() / 1000) })
  const answer = await ask(`POST ${failurePath}`, { body, headers: { "upstash-signature": signature } })
  expect(answer.status).toBe(200)
})

test("an attempt that QStash repeats is counted as such, though it fails again", {
  timeout: patience,
}, async () => {
  const body = JSON.stringify({ migration_id: "mig_of_nobody", user_id: "ana" })
  const url = new URL(webhookPath, deployment.apiUrl).href
  const signature = sign({ body, url, key: "sig_current", now: Math.floor(Date.now() / 1000) })
  const headers = { "upstash-signature": signature, "upstash-retried": "2" }
  expect(await ask(`POST ${webhookPath}`, { body, headers })).toMatchObject({ status: 489 })
})

test("a key that was revoked lets nobody in", { timeout: patience }, async () => {
  expect(await ask("GET /api/v1/migrations")).toMatchObject({ status: 200 })
  const [id = ""] = (await imgmigrator(plan, deployment, "keys", "list", "--user", "ana")).split(" ")
  await imgmigrator(plan, deployment, "keys", "revoke", "--user", "ana", id)
  expect(await ask("GET /api/v1/migrations")).toMatchObject({ status: 403 })
})

test("metrics that came about are written under the names that alarms and widgets read", async () => {
  const lines = await Promise.all(
    ["CreateMigration", "MigrationWorker", "ReceiveDelivery", "ReceiveFailure", "Sweeper"].map(async (each) =>
      (await deployment.lambda(each)).lines(),
    ),
  )
  const written = emitted(lines.flat())
  const used = new Set(metricsUsed(plan).map((metric) => JSON.stringify(metric)))
  const expected = [
    "MessagesPublished",
    "MessagesToday",
    "Deliveries",
    "DeliveryDuration",
    "QueueDelay",
    "DeliveriesRetried",
    "DeliveriesRefused",
    "FailureCallbacks",
    "Sweeps",
  ]
  for (const name of expected) {
    const metric = { namespace: "ImgMigrator", name, dimensions: { service: "imgmigrator-production" } }
    expect(written).toContainEqual(metric)
    expect([name, used.has(JSON.stringify(metric))]).toEqual([name, true])
  }
})

test("no role had to be wider: every request to the table was allowed, and each function made one", async () => {
  const { asked } = deployment.guard
  expect(asked.filter(({ allowed }) => !allowed)).toEqual([])
  const withRights = [...functions(plan).keys()].filter((each) =>
    statements(plan, each).some(({ Action }) => Action.some((action) => action.startsWith("dynamodb:"))),
  )
  expect([...new Set(asked.map(({ component }) => component))].sort()).toEqual(withRights.sort())
})
