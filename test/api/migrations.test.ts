import { afterAll, beforeAll, expect, test } from "vitest"
import { freePort } from "../support/dynamodb.ts"
import { setEnvironment } from "./support/environment.ts"
import { call } from "./support/event.ts"
import { type Service, startService } from "./support/service.ts"

const load = async () => ({
  create: (await import("../../packages/functions/src/api/create-migration.ts")).handler,
  list: (await import("../../packages/functions/src/api/list-migrations.ts")).handler,
  get: (await import("../../packages/functions/src/api/get-migration.ts")).handler,
  progress: (await import("../../packages/functions/src/api/get-progress.ts")).handler,
  report: (await import("../../packages/functions/src/api/get-report.ts")).handler,
  pause: (await import("../../packages/functions/src/api/pause-migration.ts")).handler,
  resume: (await import("../../packages/functions/src/api/resume-migration.ts")).handler,
  retry: (await import("../../packages/functions/src/api/retry-migration.ts")).handler,
  cancel: (await import("../../packages/functions/src/api/cancel-migration.ts")).handler,
  db: await import("../../packages/functions/src/db/migrations.ts"),
  uploads: await import("../../packages/functions/src/db/uploads.ts"),
  table: await import("../../packages/functions/src/db/table.ts"),
})

let service: Service
let api: Awaited<ReturnType<typeof load>>
beforeAll(async () => {
  service = await startService()
  api = await load()
})
afterAll(() => service.close())

let users = 0
const newUser = () => ({ user_id: `user-${++users}` })
type Caller = ReturnType<typeof newUser>

const create = async (caller: Caller, name?: string): Promise<string> => {
  const body = JSON.stringify({ name, source: "s3://library/photos", destination: "s3://archive" })
  return (await call(api.create, { method: "POST", body, caller })).body.id
}
type Command = "get" | "progress" | "report" | "pause" | "resume" | "retry" | "cancel"
const ask = (command: Command, caller: Caller, id: string, query?: Record<string, string>) =>
  call(api[command], { pathParameters: { id }, caller, ...(query && { query }) })

const every = ["get", "progress", "report", "pause", "resume", "retry", "cancel"] as const

test.for(every)("%s of an unknown, a foreign and an impossible id are the same 404", async (command) => {
  const [mine, other] = [newUser(), newUser()]
  const foreign = await create(other)
  for (const id of [
    "mig_01JD8Z5V0E4M3XW3T9Q2B7K6RC",
    foreign,
    "a/b",
    "..",
    "%",
    "x".repeat(3_000),
    "ü",
    "\u0000",
  ]) {
    const answer = await ask(command, mine, id)
    expect(answer).toMatchObject({
      status: 404,
      body: { type: "/problems/migration.missing", title: "Not found" },
    })
  }
  expect((await ask("get", other, foreign)).body.status).toBe("pending")
})

test.for(every)("%s without a key is 401", async (command) => {
  expect((await call(api[command], { pathParameters: { id: "mig_1" } })).status).toBe(401)
})

test("progress tells what is known before anything is planned", async () => {
  const caller = newUser()
  const id = await create(caller)
  const { status, body } = await ask("progress", caller, id)
  expect(status).toBe(200)
  expect(body).toMatchObject({
    migration_id: id,
    status: "pending",
    planned: false,
    total: 0,
    remaining: 0,
    progress: 0,
  })
  expect(body.eta_seconds).toBeUndefined()
})

test("pause, resume and cancel change the status, and each is its own repeat", async () => {
  const caller = newUser()
  const id = await create(caller)
  for (const [command, status] of [
    ["pause", "paused"],
    ["pause", "paused"],
    ["resume", "running"],
    ["resume", "running"],
    ["cancel", "cancelled"],
    ["cancel", "cancelled"],
  ] as const) {
    const answer = await ask(command, caller, id)
    expect(answer).toMatchObject({ status: 200, body: { id, status } })
  }
  expect((await ask("get", caller, id)).body.completed_at).toBeDefined()
})

test("cancelling sends one more message where large images are half-way: a worker throws their parts away", async () => {
  const caller = newUser()
  const [plain, halfWay] = [await create(caller), await create(caller)]
  const note = { n: 0, index: 0, fence: 1, key: "large.tif", at: Date.now(), id: "upload-1" }
  await api.table.put(api.uploads.uploadNote(halfWay, note))
  const published = () => service.qstash.stats().published ?? 0
  const before = published()
  await ask("cancel", caller, plain)
  expect(published()).toBe(before)
  for (let repeat = 0; repeat < 2; repeat++) await ask("cancel", caller, halfWay)
  expect(published()).toBe(before + 1)
})

test("what the status does not allow is 409 and says why", async () => {
  const caller = newUser()
  const id = await create(caller)
  const early = await ask("retry", caller, id)
  expect(early).toMatchObject({
    status: 409,
    body: { type: "/problems/migration.status", title: "Conflict" },
  })
  expect(early.body.detail).toBe("A migration that is pending cannot retry. It has not ended yet.")
  await ask("cancel", caller, id)
  for (const command of ["pause", "resume", "retry"] as const)
    expect((await ask(command, caller, id)).status).toBe(409)
})

test("a failed migration is resumed without its error, and woken", async () => {
  const caller = newUser()
  const id = await create(caller)
  await api.db.failMigration({ user_id: caller.user_id, id }, { code: "source.denied", message: "No." })
  expect((await ask("get", caller, id)).body).toMatchObject({
    status: "failed",
    error: { code: "source.denied" },
  })
  const before = service.qstash.stats().published ?? 0
  const { body } = await ask("resume", caller, id)
  expect(body.status).toBe("running")
  expect(body.error).toBeUndefined()
  expect(service.qstash.stats().published).toBe(before + 1)
})

test("resumed while the dispatcher is down, it runs and says what it waits for", async () => {
  const caller = newUser()
  const id = await create(caller)
  await ask("pause", caller, id)
  setEnvironment({ QSTASH_URL: `http://127.0.0.1:${await freePort()}` })
  const { status, body } = await ask("resume", caller, id)
  expect(status).toBe(200)
  expect(body).toMatchObject({ status: "running", waiting: { reason: "QStash could not be reached." } })
})

test("the list is the caller's own, newest first, page by page, each once", async () => {
  const [caller, other] = [newUser(), newUser()]
  await create(other)
  const ids: string[] = []
  for (let i = 0; i < 5; i++) ids.unshift(await create(caller, `nr ${i}`))
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const query: Record<string, string> = { limit: "2", ...(cursor && { cursor }) }
    const { status, body } = await call(api.list, { query, caller })
    expect(status).toBe(200)
    expect(body.migrations.length).toBeLessThanOrEqual(2)
    seen.push(...body.migrations.map(({ id }: { id: string }) => id))
    cursor = body.cursor
  } while (cursor)
  expect([...seen].sort()).toEqual([...ids].sort())
  expect(seen).toEqual([...seen].sort().reverse())
})

test("a list whose migrations are very long comes in more pages, each within what Lambda may answer", async () => {
  const caller = newUser()
  const globs = Array.from({ length: 100 }, (_, i) => `${i}`.padStart(1_000, "x"))
  const wish = {
    source: "s3://library/photos",
    destination: "s3://archive",
    options: { include: globs, exclude: globs },
  }
  const body = JSON.stringify(wish)
  for (let i = 0; i < 24; i++)
    expect((await call(api.create, { method: "POST", body, caller })).status).toBe(201)
  const seen = new Set<string>()
  let pages = 0
  let cursor: string | undefined
  do {
    const answer = await call(api.list, { query: { limit: "100", ...(cursor && { cursor }) }, caller })
    expect(Buffer.byteLength(JSON.stringify(answer.body))).toBeLessThan(5 * 1024 * 1024)
    for (const { id } of answer.body.migrations) seen.add(id)
    pages += 1
    cursor = answer.body.cursor
  } while (cursor)
  expect([seen.size, pages]).toEqual([24, 2])
})

test("the list can be asked for one status", async () => {
  const caller = newUser()
  const [one] = [await create(caller), await create(caller)]
  await ask("pause", caller, one)
  const { body } = await call(api.list, { query: { status: "paused" }, caller })
  expect(body.migrations).toMatchObject([{ id: one, status: "paused" }])
  expect((await call(api.list, { query: { status: "failed" }, caller })).body).toEqual({ migrations: [] })
})

test("another user's id as a cursor is only a place in one's own list", async () => {
  const [caller, other] = [newUser(), newUser()]
  const mine = await create(caller)
  const foreign = await create(other)
  const { status, body } = await call(api.list, { query: { cursor: foreign }, caller })
  expect(status).toBe(200)
  for (const each of body.migrations) expect(each.user_id).toBe(caller.user_id)
  expect(body.migrations.map(({ id }: { id: string }) => id).filter((id: string) => id !== mine)).toEqual([])
})

test.for([
  ["limit", "0"],
  ["limit", "101"],
  ["limit", "-1"],
  ["limit", "1.5"],
  ["limit", "many"],
  ["limit", ""],
  ["status", "sleeping"],
  ["status", "paused,running"],
  ["cursor", "a b"],
  ["cursor", "USER#root"],
  ["cursor", "../x"],
  ["cursor", ""],
  ["cursor", "x".repeat(300)],
  ["page", "2"],
] as const)("the list refuses %s=%s by name", async ([name, value]) => {
  const { status, body } = await call(api.list, { query: { [name]: value }, caller: newUser() })
  expect(status).toBe(400)
  expect(JSON.stringify(body)).toContain(name)
})

test.for([
  ["cursor", "1"],
  ["cursor", "a.b"],
  ["cursor", "-1.0"],
  ["outcome", "lost"],
  ["format", "xlsx"],
  ["limit", "5001"],
  ["fields", "x"],
] as const)("the report refuses %s=%s by name", async ([name, value]) => {
  const caller = newUser()
  const { status, body } = await ask("report", caller, await create(caller), { [name]: value })
  expect(status).toBe(400)
  expect(JSON.stringify(body)).toContain(name)
})
