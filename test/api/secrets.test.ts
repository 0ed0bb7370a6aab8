import { startS3 } from "s3-local"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { putFailed } from "../../packages/functions/src/db/chunks.ts"
import { keys } from "../../packages/functions/src/db/keys.ts"
import { mustGetMigration } from "../../packages/functions/src/db/migrations.ts"
import { readReport } from "../../packages/functions/src/db/reports.ts"
import { put, remove } from "../../packages/functions/src/db/table.ts"
import { log } from "../../packages/functions/src/log.ts"
import { startHost } from "../stores/http-support.ts"
import { freePort } from "../support/dynamodb.ts"
import { begin, testWorld } from "../support/harness.ts"
import { plant, scan, scanTable, takeLeaks } from "../support/secrets.ts"
import { setEnvironment } from "./support/environment.ts"
import { call } from "./support/event.ts"
import { type Service, startService } from "./support/service.ts"

let service: Service
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.close())

const body = JSON.stringify({ source: "s3://library/photos", destination: "s3://archive" })
const create = async () => {
  const { handler } = await import("../../packages/functions/src/api/create-migration.ts")
  return call(handler, { method: "POST", body, caller: { user_id: "ana" } })
}

test("the search of every test finds what is logged, said and stored, in blobs too", async () => {
  const secret = plant("planted-for-the-search-itself")
  log.info("by mistake", { token: secret })
  expect(takeLeaks()).toHaveLength(1)
  scan("an answer", JSON.stringify({ detail: secret }))
  expect(takeLeaks()).toHaveLength(1)
  const { seal } = await import("../../packages/functions/src/db/pack.ts")
  await put({ key: keys.failed("mig_leaks", 1), item: { note: secret } })
  await put({ key: keys.manifest("mig_leaks", 1), item: { items: await seal({ key: [secret] }, []) } })
  await scanTable(service.dynamo.endpoint, service.dynamo.tableName)
  expect(takeLeaks()).toHaveLength(2)
  await remove({ key: keys.failed("mig_leaks", 1) })
  await remove({ key: keys.manifest("mig_leaks", 1) })
  await putFailed("mig_leaks", 2, 1)
  await scanTable(service.dynamo.endpoint, service.dynamo.tableName)
  expect(takeLeaks()).toEqual([])
})

test.for([
  ["a token that QStash does not know", { QSTASH_TOKEN: "planted-qstash-token" }],
  [
    "a broker that is away",
    { QSTASH_TOKEN: undefined, CELERY_BROKER_URL: "redis://:planted-password@127.0.0.1:PORT/0" },
  ],
  [
    "a broker that is none",
    { QSTASH_TOKEN: undefined, CELERY_BROKER_URL: "ftp://ana:planted-password@broker/0" },
  ],
  ["a QStash that is away", { QSTASH_URL: "http://127.0.0.1:PORT", QSTASH_TOKEN: "planted-qstash-token" }],
] as const)("%s: the reason is told, without what is secret", async ([, settings]) => {
  const port = String(await freePort())
  setEnvironment(
    Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, value?.replace("PORT", port)])),
  )
  const { status, body: answer } = await create()
  expect(status).toBe(201)
  expect(answer.waiting.reason).not.toBe("")
  // The planted values are looked for in all of this, and in the table, by secrets-setup.ts.
  expect(takeLeaks()).toEqual([])
})

test("credentials that are refused, malformed or not for this store stop a migration without a trace of them", async () => {
  const s3 = await startS3({ port: 0, buckets: ["library", "archive"], secretAccessKey: "the-right-secret" })
  const set = (more: object) => ({
    access_key_id: s3.accessKeyId,
    secret_access_key: "planted-wrong-secret",
    session_token: "planted-session-token",
    endpoint: s3.url,
    buckets: ["library"],
    ...more,
  })
  const { world, run } = testWorld()
  for (const credentials of [
    JSON.stringify({ r2: set({}) }),
    JSON.stringify({ r2: set({ buckets: ["other"] }) }),
    JSON.stringify({ r2: set({ endpoint: "https://elsewhere.example" }) }),
    JSON.stringify({ r2: set({ region: 7 }) }),
    `${JSON.stringify({ r2: set({}) }).slice(0, -1)}`,
  ]) {
    setEnvironment({ STORE_CREDENTIALS: credentials, IMGMIGRATOR_LOCAL: "1", AWS_ACCESS_KEY_ID: undefined })
    const row = await begin(world, {
      userId: "ana",
      source: { type: "s3", bucket: "library", endpoint: s3.url, credentials: "r2" },
      destination: "file:/nowhere/at/all",
    })
    await run()
    const { status, error, waiting } = await mustGetMigration("ana", row.id)
    expect([status, error ?? waiting]).toEqual([
      expect.stringMatching(/failed|running|pending/),
      expect.anything(),
    ])
    expect(takeLeaks()).toEqual([])
  }
  await s3.close()
})

test("signatures of presigned addresses stand in no line, answer or report, whatever becomes of them", async () => {
  const host = await startHost()
  host.on("/denied.jpg", (_, response) => response.writeHead(403).end("SignatureDoesNotMatch"))
  host.on("/hop.jpg", (_, response) =>
    response.writeHead(302, { location: "http://10.0.0.1/?sig=planted-sig" }).end(),
  )
  const names = ["denied", "hop", "missing"]
  const lines: string[] = []
  const spy = vi.spyOn(process.stderr, "write").mockImplementation((line) => lines.push(String(line)) > 0)
  setEnvironment({ IMGMIGRATOR_LOCAL: "1" })
  const { world, run } = testWorld()
  const row = await begin(world, {
    userId: "ana",
    source: {
      type: "urls",
      urls: names.map((name) => `${host.url}/${name}.jpg?X-Amz-Signature=planted-sig`),
    },
    destination: `file:/tmp/imgmigrator-secrets-${process.pid}`,
  })
  await run()
  spy.mockRestore()
  await host.close()
  const ended = await mustGetMigration("ana", row.id)
  expect(ended).toMatchObject({ status: "completed_with_failures", totals: { failed: names.length } })
  const report = await readReport(ended, { limit: 100 })
  expect(report.entries).toHaveLength(names.length)
  const { handler } = await import("../../packages/functions/src/api/get-migration.ts")
  const answer = await call(handler, { pathParameters: { id: row.id }, caller: { user_id: "ana" } })
  expect(answer.status).toBe(200)
  for (const seen of [lines.join(""), JSON.stringify(report), JSON.stringify(answer)])
    expect(seen).not.toContain("planted-sig")
})
