import { mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type QStash, startQStash } from "qstash-local"
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest"
import { partition } from "../../packages/functions/src/db/keys.ts"
import { getMigration } from "../../packages/functions/src/db/migrations.ts"
import { query, type Row } from "../../packages/functions/src/db/table.ts"
import { theWorld } from "../../packages/functions/src/jobs/world.ts"
import { routes } from "../../packages/functions/src/routes.ts"
import { failurePath, webhookPath } from "../../packages/functions/src/webhooks/address.ts"
import { handler } from "../../packages/functions/src/worker.ts"
import { type Gateway, startGateway } from "../../packages/local/src/gateway/gateway.ts"
import { contextOf } from "../../packages/local/src/gateway/invoke.ts"
import { type Dynamo, startDynamo } from "../support/dynamodb.ts"
import { begin, temporaryFolder } from "../support/harness.ts"
import { setEnvironment } from "./support/environment.ts"

type Heard = { readonly rawPath: string; readonly headers: Record<string, string>; readonly body: string }

let dynamo: Dynamo
let qstash: QStash
let gateway: Gateway
let folder: Awaited<ReturnType<typeof temporaryFolder>>
/** What somebody on the way heard of the one delivery, and what was there when it had been answered. */
let heard: Heard
let id: string
let before: State

const userId = "ana"
const lifetimeMs = 300_000
/** What the receiver of a signature allows its sender's clock, in ms. */
const toleranceMs = 10_000

beforeAll(async () => {
  const deliveries: Heard[] = []
  folder = await temporaryFolder()
  dynamo = await startDynamo()
  qstash = await startQStash({ port: 0 })
  gateway = await startGateway({
    host: "127.0.0.1",
    port: 0,
    routes: routes.filter(({ access }) => access === "qstash"),
    invoke: async (route, event, requestId) => {
      deliveries.push(event as Heard)
      const call = { handler: route.handler, event, requestId, timeoutMs: 60_000, memoryMb: 1_024 }
      return { result: await handler(event as Parameters<typeof handler>[0], contextOf(call)) }
    },
    authorizer: async () => ({ failed: "error" }),
  })
  Object.assign(process.env, {
    BASE_URL: gateway.url,
    IMGMIGRATOR_LOCAL: "1",
    QSTASH_URL: qstash.url,
    QSTASH_TOKEN: qstash.token,
    QSTASH_CURRENT_SIGNING_KEY: qstash.currentSigningKey,
    QSTASH_NEXT_SIGNING_KEY: qstash.nextSigningKey,
    QSTASH_PLAN: "free",
  })
  const [from, to] = [join(folder.path, "from"), join(folder.path, "to")]
  await mkdir(from)
  await mkdir(to)
  await writeFile(join(from, "photo.jpg"), Buffer.from("ffd8ffe0ffd9", "hex"))
  ;({ id } = await begin(theWorld, { userId, source: `file:${from}`, destination: `file:${to}` }))
  await qstash.idle()
  expect((await getMigration(userId, id))?.status).toBe("completed")
  const [delivery] = deliveries.splice(0)
  if (!delivery) throw new Error("Nothing was delivered.")
  heard = delivery
  before = await state()
})
afterAll(async () => {
  await gateway.close()
  await qstash.close()
  await dynamo.close()
  await folder[Symbol.asyncDispose]()
})
afterEach(() => {
  vi.useRealTimers()
})

type State = {
  readonly rows: readonly Row[]
  readonly published: number
  readonly files: readonly string[]
}

/** Everything that a delivery could change: rows, messages, files. */
async function state(): Promise<State> {
  const rows: Row[] = []
  const today = new Date().toISOString().slice(0, 10)
  const partitions = [
    partition.user(userId),
    partition.migration(id),
    partition.chunk(id, 0),
    partition.usage(today),
  ]
  for (const pk of partitions)
    for await (const row of query({ condition: "#pk = :pk", values: { pk } })) rows.push(row)
  const to = join(folder.path, "to")
  const files = await readdir(to)
  const bytes = await Promise.all(files.map(async (name) => (await readFile(join(to, name))).toString("hex")))
  return {
    rows,
    published: qstash.stats().published ?? 0,
    files: files.map((name, i) => `${name} ${bytes[i]}`),
  }
}

/** Send what was heard once more, to the byte, but for what is changed. */
async function replay(change: Partial<Heard> = {}) {
  const { rawPath, headers, body } = { ...heard, ...change }
  const { host: _, connection: __, "content-length": ___, ...rest } = headers
  const response = await fetch(gateway.url + rawPath, { method: "POST", headers: rest, body })
  return { status: response.status, body: (await response.json()) as { outcome?: string; detail?: string } }
}

test("a delivery that is heard and sent again within its signature's life is a duplicate: done, and nothing changes", async () => {
  expect(heard.rawPath).toBe(webhookPath)
  expect(heard.headers["upstash-signature"]).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
  const done = { status: 200, body: { outcome: "done" } }
  expect(await replay()).toEqual(done)
  expect(await Promise.all([replay(), replay()])).toEqual([done, done])
  expect(await state()).toEqual(before)
})

const payload = () => JSON.parse(heard.body) as { readonly migration_id: string; readonly user_id: string }
const another = (id: string) => id.slice(0, -1) + (id.endsWith("0") ? "1" : "0")
const refusals: { name: string; reason: string; change: () => Partial<Heard>; later?: number }[] = [
  {
    name: "after its signature has expired",
    reason: "it has expired",
    change: () => ({}),
    later: lifetimeMs + toleranceMs + 1_000,
  },
  {
    name: "a day later",
    reason: "it has expired",
    change: () => ({}),
    later: 86_400_000,
  },
  {
    name: "to our other webhook",
    reason: "it was made for another address",
    change: () => ({ rawPath: failurePath }),
  },
  {
    name: "with another migration in its body",
    reason: "the body is not the one that was signed",
    change: () => ({ body: JSON.stringify({ ...payload(), migration_id: another(id) }) }),
  },
  {
    name: "with another user in its body",
    reason: "the body is not the one that was signed",
    change: () => ({ body: JSON.stringify({ ...payload(), user_id: "bea" }) }),
  },
  {
    name: "with a byte more",
    reason: "the body is not the one that was signed",
    change: () => ({ body: `${heard.body} ` }),
  },
]

test.for(refusals)("one that is sent again $name is refused, and nothing changes", async (each) => {
  if (each.later !== undefined) vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + each.later })
  const { status, body } = await replay(each.change())
  vi.useRealTimers()
  expect(status).toBe(401)
  expect(body.detail).toContain(`Invalid signature: ${each.reason}`)
  expect(await state()).toEqual(before)
})

test("one that was heard elsewhere, sent to a service of another address, is refused", async () => {
  setEnvironment({ BASE_URL: "https://another.example.com" })
  const { status, body } = await replay()
  expect(status).toBe(401)
  expect(body.detail).toContain("it was made for another address")
  expect(await state()).toEqual(before)
})
