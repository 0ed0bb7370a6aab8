import { nothingDone } from "@imgmigrator/core/lane"
import { Options } from "@imgmigrator/core/migration"
import type { Item, ItemOutcome } from "@imgmigrator/core/outcome"
import { afterAll, beforeAll, expect, test } from "vitest"
import {
  createApiKey,
  findApiKey,
  listApiKeys,
  revokeApiKey,
} from "../../packages/functions/src/db/api-keys.ts"
import {
  countOutcomes,
  failedChunks,
  putFailed,
  putManifest,
  putMoved,
  putOutcomes,
  readChunk,
} from "../../packages/functions/src/db/chunks.ts"
import {
  claimLane,
  handOut,
  markSent,
  readLane,
  readLanes,
  saveLane,
} from "../../packages/functions/src/db/lanes.ts"
import {
  activeMigrations,
  cancelMigration,
  createMigration,
  getMigration,
  listMigrations,
  pauseMigration,
  resumeMigration,
} from "../../packages/functions/src/db/migrations.ts"
import { put, transact } from "../../packages/functions/src/db/table.ts"
import { type Dynamo, startDynamo } from "../support/dynamodb.ts"

let dynamo: Dynamo
beforeAll(async () => {
  dynamo = await startDynamo()
})
afterAll(() => dynamo.close())

const at = Date.parse("2026-11-24T12:00:00Z")
let serial = 0
const wish = (userId = "u1") => ({
  userId,
  id: `mig_${String(serial++).padStart(4, "0")}`,
  source: { type: "file" as const, path: "/a" },
  destination: { type: "file" as const, path: "/b" },
  options: Options.parse({}),
  at,
})

test("a new migration is pending, active, and has lane 0 with an empty plan", async () => {
  const { row, replayed } = await createMigration(wish())
  expect(replayed).toBe(false)
  expect(await getMigration("u1", row.id)).toEqual(row)
  expect(await readLane(row.id, 0)).toMatchObject({
    fence: 0,
    lease: 0,
    plan: { chunks: 0, complete: false },
  })
  expect((await Array.fromAsync(activeMigrations())).map(({ id }) => id)).toContain(row.id)
})

test("another user's migration is as absent as none", async () => {
  const { row } = await createMigration(wish())
  expect(await getMigration("u2", row.id)).toBeUndefined()
  await expect(pauseMigration("u2", row.id, at)).rejects.toMatchObject({ code: "migration.missing" })
})

test("the same Idempotency-Key gives the first answer, another body under it is refused, and an expired one counts as absent", async () => {
  const first = await createMigration(wish(), { key: "k1", bodySha256: "x" })
  const second = await createMigration(wish(), { key: "k1", bodySha256: "x" })
  expect(second).toEqual({ row: first.row, replayed: true })
  await expect(createMigration(wish(), { key: "k1", bodySha256: "y" })).rejects.toMatchObject({
    code: "idempotency.reused",
  })
  const later = await createMigration({ ...wish(), at: at + 25 * 3600_000 }, { key: "k1", bodySha256: "y" })
  expect(later.replayed).toBe(false)
})

test("migrations are listed newest first, by pages, and by status", async () => {
  const ids: string[] = []
  for (let i = 0; i < 5; i++) ids.unshift((await createMigration(wish("lister"))).row.id)
  const first = await listMigrations("lister", { limit: 2 })
  expect(first.rows.map(({ id }) => id)).toEqual(ids.slice(0, 2))
  const second = await listMigrations("lister", { limit: 3, after: first.after })
  expect(second.rows.map(({ id }) => id)).toEqual(ids.slice(2))
  expect(second.after).toBeUndefined()
  await pauseMigration("lister", ids[3] ?? "", at)
  expect((await listMigrations("lister", { limit: 2, status: "paused" })).rows.map(({ id }) => id)).toEqual([
    ids[3],
  ])
})

test("commands repeat without harm and the table of statuses refuses the rest", async () => {
  const { row } = await createMigration(wish())
  await pauseMigration("u1", row.id, at)
  expect((await pauseMigration("u1", row.id, at)).row.status).toBe("paused")
  expect((await resumeMigration("u1", row.id, at)).row).toMatchObject({ status: "running", active: "ACTIVE" })
  await cancelMigration("u1", row.id, at)
  expect((await cancelMigration("u1", row.id, at)).row.status).toBe("cancelled")
  await expect(resumeMigration("u1", row.id, at)).rejects.toMatchObject({ code: "migration.status" })
  expect((await Array.fromAsync(activeMigrations())).map(({ id }) => id)).not.toContain(row.id)
})

test("of two claims one holds the lane; the fence grows; a lost answer's repeat finds its own claim", async () => {
  const { row } = await createMigration(wish())
  const first = await claimLane(row.id, 0, "one", at)
  expect(first).toMatchObject({ lane: { fence: 1, attempts: 1 } })
  expect(await claimLane(row.id, 0, "two", at + 1000)).toMatchObject({ busy: { fence: 1 } })
  expect(await claimLane(row.id, 0, "one", at + 1000)).toMatchObject({ lane: { fence: 1 } })
  expect(await claimLane(row.id, 0, "two", at + 31_000)).toMatchObject({ lane: { fence: 2, attempts: 2 } })
  expect(await saveLane(row.id, { lane: 0, fence: 1 }, { done: { ...nothingDone, m: 5 } })).toBeUndefined()
  expect(await claimLane(row.id, 7, "x", at)).toEqual({ missing: true })
})

test("a lease further ahead than any can be counts as over", async () => {
  const { row } = await createMigration(wish())
  await claimLane(row.id, 0, "ahead", at + 3_600_000)
  expect(await claimLane(row.id, 0, "now", at)).toMatchObject({ lane: { fence: 2 } })
})

test("of two hand-outs of the same chunks one is given, and none once the migration is paused", async () => {
  const { row } = await createMigration(wish())
  await resumeMigration("u1", row.id, at)
  await pauseMigration("u1", row.id, at)
  await resumeMigration("u1", row.id, at)
  const claim = await claimLane(row.id, 0, "one", at)
  if (!("lane" in claim)) throw new Error("not claimed")
  const given = await Promise.all([handOut(row, claim.lane, 0, 2), handOut(row, claim.lane, 0, 2)])
  expect(given.toSorted()).toEqual([false, true])
  expect(await readLane(row.id, 0)).toMatchObject({ from: 0, to: 2, at: 0 })
  await pauseMigration("u1", row.id, at)
  await saveLane(row.id, claim.lane, { at: 2 })
  expect(await handOut(row, claim.lane, 2, 4)).toBe(false)
})

test("of two who mark the same message as sent, one sends", async () => {
  const { row } = await createMigration(wish())
  const [lane] = await readLanes(row.id)
  if (!lane) throw new Error("no lane")
  const marks = await Promise.all([markSent(row.id, lane, at), markSent(row.id, lane, at)])
  expect(marks.filter(Boolean)).toHaveLength(1)
})

const item = (key: string, more: Partial<Item> = {}): Item => ({
  key,
  size: key.length,
  planned: { state: "absent" },
  ...more,
})
const sha = Buffer.alloc(32, 7).toString("base64")

test("a chunk comes back as it was written, with decided, segmented and moved items folded", async () => {
  const items = [
    item("a.jpg"),
    item("b.jpg", {
      planned: { state: "decided", outcome: { outcome: "skipped", code: "skipped.etag", bytes: 3 } },
    }),
    item("ü/😀.jpg", {
      planned: { state: "replace", etag: "0123456789abcdef0123456789abcdef" },
      etag: "x-1",
      mtime: 1.5,
    }),
    item("d", {
      address: "https://h/d?sig=1",
      planned: { state: "unknown" },
      checksum: { algorithm: "md5", value: "AA==" },
    }),
  ]
  expect(await putManifest("c1", 0, 3, items)).toBe(true)
  const ok: ItemOutcome = {
    outcome: "migrated",
    bytes: 5,
    checksum: { algorithm: "sha256", value: sha, kind: "store" },
  }
  await putOutcomes(
    "c1",
    0,
    3,
    0,
    new Map([[0, { outcome: "failed" as const, code: "source.missing", message: "gone" }]]),
  )
  await putOutcomes(
    "c1",
    0,
    4,
    0,
    new Map([
      [0, ok],
      [
        2,
        {
          outcome: "migrated" as const,
          bytes: 7,
          checksum: { algorithm: "crc64nvme" as const, value: "AAAAAAAAAAA=", kind: "read-back" as const },
        },
      ],
    ]),
  )
  await putMoved("c1", 0, 1, [3])
  const chunk = await readChunk("c1", 0)
  expect(chunk?.items).toEqual(items)
  expect(chunk?.outcomes.get(0)).toEqual(ok)
  expect(chunk?.moved.get(3)).toBe(1)
  expect(countOutcomes(chunk?.outcomes.values() ?? [])).toEqual({ m: 2, s: 1, f: 0, bytes: 12 })
})

test("a stale planner cannot replace a manifest", async () => {
  expect(await putManifest("c2", 0, 2, [item("new")])).toBe(true)
  expect(await putManifest("c2", 0, 1, [item("old")])).toBe(false)
  expect((await readChunk("c2", 0))?.items[0]?.key).toBe("new")
})

test("chunks with failures are found without reading the others", async () => {
  for (const n of [3, 10, 200]) await putFailed("c3", n, 1)
  expect(await Array.fromAsync(failedChunks("c3", 0, 200))).toEqual([3, 10])
})

test("a mistake in a transaction is thrown, not taken for a refused condition", async () => {
  const key = { pk: "MISTAKE", sk: "A" }
  await expect(transact([{ put: { key, item: {}, condition: "size(#pk" } }])).rejects.toThrow()
})

test("a stored row that does not parse names its key and is nobody's bad request", async () => {
  await put({ key: { pk: "USER#u1", sk: "MIGRATION#broken" }, item: { id: 5 } })
  await expect(getMigration("u1", "broken")).rejects.toThrow("USER#u1/MIGRATION#broken")
})

test("an API key is known by its hash only, is listed without it, and can be revoked", async () => {
  const { key, keyId } = await createApiKey({ userId: "ana@example.com", name: "laptop", at })
  expect(await findApiKey(key)).toMatchObject({ user_id: "ana@example.com", key_id: keyId })
  expect(JSON.stringify(await listApiKeys("ana@example.com"))).not.toContain(key)
  await revokeApiKey("ana@example.com", keyId)
  expect(await findApiKey(key)).toBeUndefined()
})
