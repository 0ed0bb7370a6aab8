import { afterAll, beforeAll, expect, test } from "vitest"
import { freePort } from "../support/dynamodb.ts"
import { setEnvironment } from "./support/environment.ts"
import { type Asked, call } from "./support/event.ts"
import { type Service, startService } from "./support/service.ts"

let service: Service
let create: typeof import("../../packages/functions/src/api/create-migration.ts")["handler"]
let get: typeof import("../../packages/functions/src/api/get-migration.ts")["handler"]
beforeAll(async () => {
  service = await startService()
  create = (await import("../../packages/functions/src/api/create-migration.ts")).handler
  get = (await import("../../packages/functions/src/api/get-migration.ts")).handler
})
afterAll(() => service.close())

const wish = { source: "s3://library/photos", destination: "s3://archive/2026/" }
let users = 0
const newUser = () => ({ user_id: `user-${++users}` })

const post = (body: unknown, more: Asked = {}) =>
  call(create, {
    method: "POST",
    path: "/api/v1/migrations",
    headers: { "content-type": "application/json", ...more.headers },
    body: typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body),
    caller: more.caller ?? newUser(),
  })

test("a migration is recorded, published, and answered with its address", async () => {
  const caller = newUser()
  const before = service.qstash.stats().published ?? 0
  const { status, headers, body } = await post({ ...wish, name: "Álbum 😀" }, { caller })
  expect(status).toBe(201)
  expect(headers.location).toBe(`/api/v1/migrations/${body.id}`)
  expect(body).toMatchObject({
    id: expect.stringMatching(/^mig_[0-9A-HJKMNP-TV-Z]{26}$/),
    user_id: caller.user_id,
    name: "Álbum 😀",
    status: "pending",
    source: "s3://library/photos/",
    destination: "s3://archive/2026/",
    options: { overwrite: "different", dry_run: false },
    totals: { discovered: 0, remaining: 0 },
    created_at: expect.stringMatching(/Z$/),
  })
  expect(body.waiting).toBeUndefined()
  expect(service.qstash.stats().published).toBe(before + 1)
  const found = await call(get, { pathParameters: { id: body.id }, caller })
  expect(found).toMatchObject({ status: 200, body })
})

test("the body may come as base64, and a store as an object", async () => {
  const body = {
    source: { type: "urls", urls: ["https://img.example/a.jpg"] },
    destination: { type: "s3", bucket: "arch" },
  }
  const answer = await post(Buffer.from(JSON.stringify(body)))
  expect(answer).toMatchObject({ status: 201, body: { destination: "s3://arch/" } })
})

test("with the dispatcher down it is still recorded, and says what it waits for", async () => {
  setEnvironment({ QSTASH_URL: `http://127.0.0.1:${await freePort()}` })
  const { status, body } = await post(wish)
  expect(status).toBe(201)
  expect(body).toMatchObject({ status: "pending", waiting: { reason: "QStash could not be reached." } })
})

test.for([
  ["QSTASH_TOKEN", "QSTASH_TOKEN is not configured"],
  ["BASE_URL", "Webhook URL is not configured"],
] as const)("without %s it is still recorded, and says so", async ([name, sentence]) => {
  setEnvironment({ [name]: undefined })
  const { status, body } = await post(wish)
  expect(status).toBe(201)
  expect(body.waiting.reason).toContain(sentence)
})

test("a store that is left out is said to be missing", async () => {
  const { body } = await post({ destination: wish.destination })
  expect(body.detail).toBe("body.source: is missing; give a URI or an object")
})

test("the same Idempotency-Key and body return the first migration, another body is 422", async () => {
  const caller = newUser()
  const headers = { "Idempotency-Key": "order-1" }
  const first = await post(wish, { caller, headers })
  const again = await post(`{"destination":"s3://archive/2026/",  "source":"s3://library/photos"}`, {
    caller,
    headers,
  })
  expect(again).toMatchObject({
    status: 201,
    headers: { "idempotency-replayed": "true" },
    body: { id: first.body.id },
  })
  expect(again.headers.location).toBe(first.headers.location)
  const other = await post({ ...wish, name: "other" }, { caller, headers })
  expect(other).toMatchObject({ status: 422, body: { type: "/problems/idempotency.reused", status: 422 } })
})

test("two requests at once under one Idempotency-Key make one migration", async () => {
  const caller = newUser()
  const headers = { "idempotency-key": "race" }
  const answers = await Promise.all(Array.from({ length: 8 }, () => post(wish, { caller, headers })))
  expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(201))
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
})

test("another user's Idempotency-Key is another key", async () => {
  const headers = { "idempotency-key": "shared" }
  const [one, two] = [await post(wish, { headers }), await post({ ...wish, name: "two" }, { headers })]
  expect([one.status, two.status]).toEqual([201, 201])
  expect(one.body.id).not.toBe(two.body.id)
})

test.for(["", " ", "a b", "x".repeat(256), "naïve"])("%j is no Idempotency-Key", async (key) => {
  const { status, body } = await post(wish, { headers: { "idempotency-key": key } })
  expect([status, body.errors]).toEqual([400, [expect.objectContaining({ parameter: "idempotency-key" })]])
})

const wrongTypes: [field: string, body: object, pointer: string][] = [
  ["name: a number", { ...wish, name: 5 }, "#/name"],
  ["name: empty", { ...wish, name: "" }, "#/name"],
  ["name: too long", { ...wish, name: "x".repeat(201) }, "#/name"],
  ["source: missing", { destination: wish.destination }, "#/source"],
  ["source: a number", { ...wish, source: 5 }, "#/source"],
  ["source: null", { ...wish, source: null }, "#/source"],
  ["source: a list", { ...wish, source: [] }, "#/source"],
  ["source: of no type", { ...wish, source: {} }, "#/source/type"],
  ["source: of an unknown type", { ...wish, source: { type: "ftp" } }, "#/source/type"],
  ["source.bucket: missing", { ...wish, source: { type: "s3" } }, "#/source/bucket"],
  ["source.bucket: a number", { ...wish, source: { type: "s3", bucket: 5 } }, "#/source/bucket"],
  [
    "source.prefix: a number",
    { ...wish, source: { type: "s3", bucket: "abc", prefix: 5 } },
    "#/source/prefix",
  ],
  [
    "source.path_style: a text",
    { ...wish, source: { type: "s3", bucket: "abc", path_style: "x" } },
    "#/source/path_style",
  ],
  [
    "source.secret: unknown",
    { ...wish, source: { type: "s3", bucket: "abc", secret: "x" } },
    "#/source/secret",
  ],
  ["source.urls: a text", { ...wish, source: { type: "urls", urls: "x" } }, "#/source/urls"],
  ["source.urls: empty", { ...wish, source: { type: "urls", urls: [] } }, "#/source/urls"],
  [
    "source.urls.1: no address",
    { ...wish, source: { type: "urls", urls: ["https://a/b", 5] } },
    "#/source/urls/1",
  ],
  ["source: an unknown scheme", { ...wish, source: "gopher://x" }, "#/source"],
  ["source: no scheme", { ...wish, source: "photos" }, "#/source"],
  ["destination: missing", { source: wish.source }, "#/destination"],
  ["destination: a boolean", { ...wish, destination: true }, "#/destination"],
  ["options: a text", { ...wish, options: "fast" }, "#/options"],
  ["options: null", { ...wish, options: null }, "#/options"],
  ["options.overwrite: unknown", { ...wish, options: { overwrite: "maybe" } }, "#/options/overwrite"],
  ["options.lanes: a text", { ...wish, options: { lanes: "4" } }, "#/options/lanes"],
  ["options.lanes: zero", { ...wish, options: { lanes: 0 } }, "#/options/lanes"],
  ["options.lanes: too many", { ...wish, options: { lanes: 1e9 } }, "#/options/lanes"],
  ["options.concurrency: a fraction", { ...wish, options: { concurrency: 1.5 } }, "#/options/concurrency"],
  ["options.include: a text", { ...wish, options: { include: "*.jpg" } }, "#/options/include"],
  ["options.include.0: a number", { ...wish, options: { include: [1] } }, "#/options/include/0"],
  ["options.exclude: an object", { ...wish, options: { exclude: {} } }, "#/options/exclude"],
  ["options.dry_run: a text", { ...wish, options: { dry_run: "yes" } }, "#/options/dry_run"],
  ["options.chunk_size: unknown", { ...wish, options: { chunk_size: 5 } }, "#/options/chunk_size"],
  ["user_id: unknown", { ...wish, user_id: "root" }, "#/user_id"],
  ["a/b~c: unknown", { ...wish, "a/b~c": 1 }, "#/a~1b~0c"],
  ["an array", [], "#"],
  [
    "__proto__: unknown",
    JSON.parse('{"source":"s3://abc","destination":"s3://abd","__proto__":1}'),
    "#/__proto__",
  ],
]

test.for(wrongTypes)("%s is 400 and names the field", async ([, body, pointer]) => {
  const answer = await post(body)
  expect(answer.status).toBe(400)
  expect(answer.headers["content-type"]).toBe("application/problem+json")
  expect(answer.body).toMatchObject({
    title: "Invalid request",
    status: 400,
    instance: expect.stringMatching(/^urn:uuid:/),
  })
  expect(answer.body.errors.map((each: { pointer: string }) => each.pointer)).toContain(pointer)
})

test.for([
  ["no JSON", "source=x"],
  ["nothing", ""],
  ["a lone bracket", "{"],
  ["bytes that are no UTF-8", Buffer.from([0x22, 0xff, 0x22])],
  ["half a surrogate pair", '{"source":"s3://abc","destination":"s3://abd","name":"\\ud800"}'],
] as const)("a body of %s is 400", async ([, body]) => {
  expect(await post(body)).toMatchObject({ status: 400, body: { type: "/problems/request.json" } })
})

test("a body that is not sent as JSON is 415", async () => {
  const answer = await post(wish, { headers: { "content-type": "application/x-www-form-urlencoded" } })
  expect(answer).toMatchObject({ status: 415, body: { type: "/problems/request.content_type" } })
  const problem = await post(wish, { headers: { "content-type": "application/vnd.x+json; charset=utf-8" } })
  expect(problem.status).toBe(201)
})

test("inline addresses over 256 KB are 413 with the advice to use a list, and so is a body over its limit", async () => {
  const urls = (bytes: number) =>
    Array.from({ length: bytes / 50 }, (_, i) => `https://img.example/${i}`.padEnd(47, "x"))
  const long = await post({ ...wish, source: { type: "urls", urls: urls(270_000) } })
  expect(long).toMatchObject({ status: 413, body: { type: "/problems/store.urls.too_large" } })
  expect(long.body.detail).toContain("use a list")
  const longer = await post({ ...wish, source: { type: "urls", urls: urls(500_000) } })
  expect(longer).toMatchObject({ status: 413, body: { type: "/problems/request.too_large" } })
  expect((await post({ ...wish, source: { type: "urls", urls: urls(250_000) } })).status).toBe(201)
})

test.for([
  ["the same store", "s3://b-one/x", "s3://b-one/x/"],
  ["the source inside", "s3://b-one/x/y", "s3://b-one/x"],
  ["the destination inside", "s3://b-one", "s3://b-one/backup"],
] as const)("%s on both sides is 400", async ([, source, destination]) => {
  expect(await post({ source, destination })).toMatchObject({
    status: 400,
    body: { type: "/problems/store.nested" },
  })
})

test("a prefix is a folder: photos and photos-old lie beside one another", async () => {
  expect((await post({ source: "s3://b-one/photos", destination: "s3://b-one/photos-old" })).status).toBe(201)
})

test("a list can't be written to", async () => {
  const answer = await post({ ...wish, destination: "https://img.example/list.csv" })
  expect(answer).toMatchObject({ status: 400, body: { type: "/problems/store.read_only" } })
})

test("folders are refused outside the local service, and allowed in it", async () => {
  const folders = { source: "file:/data/in", destination: "/data/out" }
  expect(await post(folders)).toMatchObject({ status: 403, body: { type: "/problems/store.local" } })
  setEnvironment({ IMGMIGRATOR_LOCAL: "1" })
  expect((await post(folders)).status).toBe(201)
})

test.for([
  ["its own folder", ["s3://library/photos"], "s3://library/photos/2024", 201],
  ["its own folder itself", ["s3://library/photos/"], "s3://library/photos", 201],
  ["a folder that only begins like it", ["s3://library/photos"], "s3://library/photos-old", 403],
  ["the folder above", ["s3://library/photos"], "s3://library", 403],
  ["another bucket", ["s3://library"], "s3://library2", 403],
  ["the same bucket of another service", ["s3://library"], "s3://library?endpoint=https://evil.example", 403],
  ["the same bucket as somebody else", ["s3://library"], "s3://library?credentials=root", 403],
  ["a list under its address", ["https://cdn.example/lists/"], "https://cdn.example/lists/a.csv", 201],
  ["a list beside its address", ["https://cdn.example/lists"], "https://cdn.example/lists2/a.csv", 403],
  [
    "a list on another host",
    ["https://cdn.example/lists"],
    "https://cdn.example.evil.example/lists/a.csv",
    403,
  ],
  ["a list that climbs out", ["https://cdn.example/lists"], "https://cdn.example/lists/%2e%2e/a.csv", 403],
  ["a list that may climb out", ["https://cdn.example/lists"], "https://cdn.example/lists/..%2fa.csv", 403],
  ["a bucket, with an address only", ["https://cdn.example/"], "s3://library", 403],
  ["anything, with no prefix at all", [], "s3://library", 403],
] as const)("a limited key may name %s: %j, %s → %i", async ([, prefixes, source, status]) => {
  const caller = { ...newUser(), prefixes: [...prefixes, "s3://target-bucket"] }
  const answer = await post({ source, destination: "s3://target-bucket/x" }, { caller })
  expect(answer.status).toBe(status)
  if (status === 403) expect(answer.body.detail).toBe("source: this API key may not name that store.")
})

test("a limited key may name inline addresses only if it may name each", async () => {
  const caller = { ...newUser(), prefixes: ["https://img.example/", "s3://target-bucket"] }
  const of = (...urls: unknown[]) =>
    post({ source: { type: "urls", urls }, destination: "s3://target-bucket" }, { caller })
  expect((await of("https://img.example/a", { url: "https://img.example/b" })).status).toBe(201)
  expect((await of("https://img.example/a", { url: "https://other.example/b" })).status).toBe(403)
})

test("without a key nothing is read, and the answer says how to send one", async () => {
  const answer = await call(create, { method: "POST", body: "{" })
  expect(answer).toMatchObject({ status: 401, body: { type: "/problems/auth.missing" } })
  expect(answer.headers["www-authenticate"]).toBe('Bearer realm="imgmigrator"')
})

test("nothing in a request can say who is asking", async () => {
  const { status } = await call(create, {
    method: "POST",
    body: JSON.stringify(wish),
    headers: { "content-type": "application/json", "x-user-id": "root", authorization: "Bearer root" },
    query: { user_id: "root" },
  })
  expect(status).toBe(401)
})
