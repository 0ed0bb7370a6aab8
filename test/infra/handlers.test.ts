import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, expect, test } from "vitest"
import * as z from "zod"
import { createApiKey } from "../../packages/functions/src/db/api-keys.ts"
import { failurePath } from "../../packages/functions/src/webhooks/address.ts"
import { sign } from "../api/support/sign.ts"
import { type Deployment, deploy } from "./support/deployment.ts"
import { emitted } from "./support/emf.ts"
import { allows } from "./support/iam.ts"
import type { Planned } from "./support/plan.ts"
import { patience, production } from "./support/stages.ts"
import { functions, metricsUsed, ofType, routesOf, statements } from "./support/view.ts"

let plan: Planned
let deployment: Deployment
let key: string

beforeAll(async () => {
  plan = await production()
  deployment = await deploy(plan)
  key = (await createApiKey({ userId: "ana", at: Date.now() })).key
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

type Asked = { readonly body?: unknown; readonly headers?: Record<string, string> }

async function ask(route: string, { body, headers = { authorization: `Bearer ${key}` } }: Asked = {}) {
  const [method = "", path = ""] = route.split(" ")
  const answer = await fetch(deployment.api + path, {
    method,
    headers: { ...headers, "content-type": "application/json" },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, body: text.startsWith("{") ? JSON.parse(text) : text }
}

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
  expect(filters).toHaveLength(2)
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
    "Deliveries",
    "DeliveryDuration",
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
  // Its handler was called without a signature, so it never came to read the table.
  const silent = ["ReceiveDelivery"]
  expect([...new Set(asked.map(({ component }) => component))].sort()).toEqual(
    withRights.filter((each) => !silent.includes(each)).sort(),
  )
})

test("no role is wider: API keys are the authorizer's alone, and it has nothing else", () => {
  const { arn } = ofType(plan, "aws:dynamodb/table:Table")[0]?.state ?? {}
  const may = (component: string, action: string, partition: string) =>
    allows(statements(plan, component), { action: `dynamodb:${action}`, resource: String(arn), partition })
  for (const component of functions(plan).keys()) {
    expect([component, may(component, "GetItem", "KEY#1")]).toEqual([component, component === "Authorizer"])
    expect([component, may(component, "PutItem", "KEY#1")]).toEqual([component, false])
    expect([component, may(component, "DeleteItem", "USER#ana")]).toEqual([component, false])
    expect([component, may(component, "Scan", "")]).toEqual([component, false])
  }
  expect(may("Authorizer", "GetItem", "USER#ana")).toBe(false)
  expect(may("GetMigration", "UpdateItem", "USER#ana")).toBe(false)
})

test("signing keys are rotated without a delivery refused, if both are set before the next rotation", {
  timeout: patience,
}, async () => {
  const { body } = await ask("POST /api/v1/migrations", { body: wish })
  await ask(`DELETE /api/v1/migrations/${body.id}`)
  const { qstash, setSecrets, webhook } = deployment
  const secrets = (current: string, next: string) =>
    setSecrets("MigrationWorker", {
      QSTASH_CURRENT_SIGNING_KEY: current,
      QSTASH_NEXT_SIGNING_KEY: next,
    })
  const authorization = `Bearer ${qstash.token}`
  const deliver = async () => {
    const answer = await fetch(`${qstash.url}/v2/publish/${webhook}`, {
      method: "POST",
      headers: { authorization, "upstash-retries": "0", "content-type": "application/json" },
      body: JSON.stringify({ migration_id: body.id, user_id: "ana" }),
    })
    const { messageId } = z.object({ messageId: z.string() }).parse(await answer.json())
    await qstash.idle()
    const Line = z.object({ message: z.string(), message_id: z.literal(messageId) })
    const lines = (await deployment.lambda("MigrationWorker")).lines()
    return lines.flatMap((line) => Line.safeParse(line).data?.message ?? []).join()
  }
  const rotate = async () => {
    const answer = await fetch(`${qstash.url}/v2/keys/rotate`, { method: "POST", headers: { authorization } })
    return z.object({ current: z.string(), next: z.string() }).parse(await answer.json())
  }

  await secrets("sig_current", qstash.nextSigningKey)
  expect(await deliver()).toBe("delivery processed")
  const rotated = await rotate()
  expect(await deliver()).toBe("delivery processed")
  await secrets(rotated.current, rotated.next)
  expect(await deliver()).toBe("delivery processed")
  await rotate()
  expect(await deliver()).toBe("delivery processed")
  // The runbook's case: rotated once more, and nothing was deployed in between.
  await rotate()
  expect(await deliver()).toBe("delivery refused")
})
