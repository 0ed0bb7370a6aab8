import { readFileSync } from "node:fs"
import { afterAll, beforeAll, expect, test } from "vitest"
import { openapi } from "../../packages/functions/src/openapi/document.ts"
import { jobs, routes } from "../../packages/functions/src/routes.ts"
import { setEnvironment } from "./support/environment.ts"
import { call, context, event } from "./support/event.ts"
import { type Service, startService } from "./support/service.ts"
import { sign } from "./support/sign.ts"

const root = new URL("../../", import.meta.url)
const handlerOf = async (handler: string) => {
  const [, file, name] = /^(.*)\.(\w+)$/.exec(handler) ?? []
  const module = await import(new URL(`${file}.ts`, root).href)
  return module[String(name)]
}

let service: Service
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.close())

test.for([...routes, ...jobs])("$name leads to a handler that exists", async ({ handler }) => {
  expect(await handlerOf(handler)).toBeTypeOf("function")
})

test("no two routes are the same, and no two functions have one name", () => {
  expect(new Set(routes.map(({ method, path }) => `${method} ${path}`)).size).toBe(routes.length)
  const names = [...routes, ...jobs].map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})

test("every route with a key refuses who has none", async () => {
  for (const { handler, access } of routes.filter(({ access }) => access === "key")) {
    const answer = await call(await handlerOf(handler), { pathParameters: { id: "mig_1" } })
    expect([access, answer.status, answer.headers["www-authenticate"]]).toEqual([
      "key",
      401,
      'Bearer realm="imgmigrator"',
    ])
  }
})

test("every webhook refuses who has no signature", async () => {
  for (const { handler, path } of routes.filter(({ access }) => access === "qstash")) {
    const answer = await call(await handlerOf(handler), { method: "POST", path, body: "{}" })
    expect(answer).toMatchObject({ status: 401, body: { type: "/problems/delivery.signature" } })
  }
})

test("health tells the dispatcher, and that nothing is missing", async () => {
  const health = await handlerOf("packages/functions/src/api/get-health.handler")
  expect(await call(health, {})).toMatchObject({
    status: 200,
    body: { status: "ok", dispatcher: { kind: "qstash", reason: "QSTASH_TOKEN is set." }, misconfigured: [] },
  })
})

test.for([
  ["QSTASH_TOKEN", "", "QSTASH_TOKEN"],
  ["QSTASH_CURRENT_SIGNING_KEY", "", "QSTASH_CURRENT_SIGNING_KEY"],
  ["BASE_URL", "", "BASE_URL"],
  ["BASE_URL", "s3cr3t", "BASE_URL"],
  ["TABLE_NAME", "", "TABLE_NAME"],
  ["QSTASH_PLAN", "s3cr3t", "QSTASH_PLAN"],
  ["WORKER_CONCURRENCY", "s3cr3t", "WORKER_CONCURRENCY"],
  ["STORE_CREDENTIALS", "s3cr3t", "STORE_CREDENTIALS"],
] as const)("with %s=%s health names it, without its value", async ([name, value, named]) => {
  setEnvironment({ [name]: value })
  const answer = await call(await handlerOf("packages/functions/src/api/get-health.handler"), {})
  expect(answer).toMatchObject({ status: 503, body: { status: "misconfigured", misconfigured: [named] } })
  expect(JSON.stringify(answer)).not.toContain("s3cr3t")
})

test("the committed description is the one that the schemas make, and the one that is served", async () => {
  const committed = JSON.parse(readFileSync(new URL("docs/openapi.json", root), "utf8"))
  expect(committed, "run: npm run openapi").toEqual(JSON.parse(JSON.stringify(openapi())))
  const served = await call(await handlerOf("packages/functions/src/api/get-openapi.handler"), {})
  expect(served).toMatchObject({ status: 200, body: committed })
})

test("every reference in the description leads somewhere", () => {
  const document = JSON.parse(JSON.stringify(openapi()))
  const references = JSON.stringify(document).match(/"\$ref":"[^"]*"/g) ?? []
  expect(references.length).toBeGreaterThan(10)
  for (const reference of references) {
    const path = reference.slice('"$ref":"#/'.length, -1).split("/")
    expect(
      path.reduce((at, step) => at?.[step], document),
      reference,
    ).toBeDefined()
  }
})

test("the worker's function URL has two paths and nothing else", async () => {
  const worker = await handlerOf("packages/functions/src/worker.handler")
  const at = async (method: string, path: string, body = "{}", headers = {}) =>
    (await worker(event({ method, path, body, headers }), context())).statusCode
  expect(await at("POST", "/")).toBe(404)
  expect(await at("GET", "/api/v1/webhooks/qstash")).toBe(404)
  expect(await at("POST", "/api/v1/migrations")).toBe(404)
  expect(await at("POST", "/api/v1/webhooks/qstash")).toBe(401)
  expect(await at("POST", "/api/v1/webhooks/qstash/failure")).toBe(401)
})

const signed = (path: string, body: string) => ({
  method: "POST",
  path,
  body,
  headers: {
    "upstash-signature": sign({
      body,
      url: `${process.env.BASE_URL}${path}`,
      key: service.qstash.currentSigningKey,
      now: Math.floor(Date.now() / 1000),
    }),
  },
})

test("a signed delivery for a migration that is not there, or not this user's, is never tried again", async () => {
  const worker = await handlerOf("packages/functions/src/worker.handler")
  const create = await handlerOf("packages/functions/src/api/create-migration.handler")
  const body = JSON.stringify({ source: "s3://library", destination: "s3://archive" })
  const { id } = (await call(create, { method: "POST", body, caller: { user_id: "ana" } })).body
  for (const payload of [
    { migration_id: 123, user_id: 1 },
    { migration_id: id, user_id: "bob" },
  ]) {
    const answer = await call(worker, signed("/api/v1/webhooks/qstash", JSON.stringify(payload)))
    expect(answer).toMatchObject({ status: 489, body: { type: "/problems/migration.missing" } })
    expect(answer.headers["upstash-nonretryable-error"]).toBe("true")
  }
})

test("a record that another backend put, with numbers for ids, is found by the guide's own payload", async () => {
  const worker = await handlerOf("packages/functions/src/worker.handler")
  const { put } = await import("../../packages/functions/src/db/table.ts")
  const { keys } = await import("../../packages/functions/src/db/keys.ts")
  const row = {
    id: "123",
    user_id: "1",
    status: "paused",
    pass: 0,
    next: 0,
    source: { type: "s3", bucket: "library", prefix: "" },
    destination: { type: "s3", bucket: "archive", prefix: "" },
    options: { overwrite: "different", lanes: 1, concurrency: 1, include: [], exclude: [], dry_run: false },
    created_at: "2026-11-01T00:00:00.000Z",
  }
  await put({ key: keys.migration("1", "123"), item: row })
  const body = JSON.stringify({ migration_id: 123, user_id: 1 })
  expect(await call(worker, signed("/api/v1/webhooks/qstash", body))).toMatchObject({
    status: 200,
    body: { outcome: "done" },
  })
})

test("a stored row that does not parse is our mistake: 500, and nothing of it outside", async () => {
  const get = await handlerOf("packages/functions/src/api/get-migration.handler")
  const { put } = await import("../../packages/functions/src/db/table.ts")
  const { keys } = await import("../../packages/functions/src/db/keys.ts")
  await put({ key: keys.migration("ana", "broken"), item: { id: "broken", secret: "s3cr3t" } })
  const answer = await call(get, { pathParameters: { id: "broken" }, caller: { user_id: "ana" } })
  expect(answer).toMatchObject({ status: 500, body: { type: "about:blank", title: "Internal Server Error" } })
  expect(JSON.stringify(answer)).not.toMatch(/s3cr3t|USER#/)
})

test("what QStash gave up is taken note of, whatever hangs on it", async () => {
  const failed = await handlerOf("packages/functions/src/webhooks/failure.handler")
  const path = "/api/v1/webhooks/qstash/failure"
  const sourceBody = Buffer.from('{"migration_id":"mig_1","lane":2}').toString("base64")
  for (const body of [
    {
      status: 500,
      retried: 3,
      maxRetries: 3,
      sourceMessageId: "msg_1",
      dlqId: "1-0",
      sourceBody,
      body: "eA==",
      notBefore: "1",
    },
    { status: 500, sourceBody: "bm8ganNvbg==" },
    {},
  ])
    expect(await call(failed, signed(path, JSON.stringify(body)))).toMatchObject({
      status: 200,
      body: { outcome: "done" },
    })
  expect((await call(failed, signed(path, '{"status":"x"}'))).status).toBe(400)
})

test("trap 28: what QStash gave up is not sent again by the callback: the sweeper decides", async () => {
  const create = await handlerOf("packages/functions/src/api/create-migration.handler")
  const failed = await handlerOf("packages/functions/src/webhooks/failure.handler")
  const { mustGetMigration } = await import("../../packages/functions/src/db/migrations.ts")
  const { readLane } = await import("../../packages/functions/src/db/lanes.ts")
  const wish = JSON.stringify({ source: "s3://library", destination: "s3://archive" })
  const { id } = (await call(create, { method: "POST", body: wish, caller: { user_id: "ana" } })).body
  const standing = () => Promise.all([mustGetMigration("ana", id), readLane(id, 0)])
  const before = await standing()
  expect(before[1]?.sends).toBe(1)
  const message = JSON.stringify({ migration_id: id, user_id: "ana", lane: 0 })
  const body = { status: 503, retried: 3, sourceBody: Buffer.from(message).toString("base64") }
  const path = "/api/v1/webhooks/qstash/failure"
  expect((await call(failed, signed(path, JSON.stringify(body)))).status).toBe(200)
  expect(await standing()).toEqual(before)
})

test("the authorizer lets a known key in with its user, and nobody else", async () => {
  const authorize = await handlerOf("packages/functions/src/api/authorizer.handler")
  const { createApiKey, revokeApiKey } = await import("../../packages/functions/src/db/api-keys.ts")
  const { key, keyId } = await createApiKey({ userId: "ana", at: Date.now() })
  const limited = await createApiKey({ userId: "bob", prefixes: ["s3://bobs"], at: Date.now() })
  const ask = (authorization: string | undefined, name = "authorization") =>
    authorize({ headers: authorization === undefined ? {} : { [name]: authorization } })
  expect(await ask(`Bearer ${key}`)).toEqual({ isAuthorized: true, context: { user_id: "ana" } })
  expect(await ask(`bearer  ${key} `, "Authorization")).toEqual({
    isAuthorized: true,
    context: { user_id: "ana" },
  })
  expect(await ask(`Bearer ${limited.key}`)).toEqual({
    isAuthorized: true,
    context: { user_id: "bob", prefixes: ["s3://bobs"] },
  })
  for (const wrong of [
    undefined,
    "",
    "Bearer",
    "Bearer ",
    key,
    `Basic ${key}`,
    `Bearer ${key}x`,
    `Bearer ${"x".repeat(600)}`,
    "Bearer a b",
  ])
    expect(await ask(wrong)).toEqual({ isAuthorized: false, context: {} })
  await revokeApiKey("ana", keyId)
  expect(await ask(`Bearer ${key}`)).toEqual({ isAuthorized: false, context: {} })
})

test("the sweeper sends what nobody answers, through the same settings", async () => {
  const sweeper = await handlerOf("packages/functions/src/sweeper.handler")
  const create = await handlerOf("packages/functions/src/api/create-migration.handler")
  setEnvironment({ QSTASH_TOKEN: "" })
  const body = JSON.stringify({ source: "s3://library", destination: "s3://archive" })
  const { waiting } = (await call(create, { method: "POST", body, caller: { user_id: "eva" } })).body
  expect(waiting.reason).toContain("QSTASH_TOKEN is not configured")
  await expect(sweeper()).resolves.toBeUndefined()
})
