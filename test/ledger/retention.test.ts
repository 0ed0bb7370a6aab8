import { mkdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { DynamoDBClient } from "@aws-sdk/client-dynamodb"
import { DynamoDBDocumentClient, ScanCommand } from "@aws-sdk/lib-dynamodb"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { keys } from "../../packages/functions/src/db/keys.ts"
import {
  cancelMigration,
  getMigration,
  listMigrations,
  mustGetMigration,
} from "../../packages/functions/src/db/migrations.ts"
import { retryMigration } from "../../packages/functions/src/db/retry.ts"
import { update } from "../../packages/functions/src/db/table.ts"
import { retireEnded } from "../../packages/functions/src/jobs/retire.ts"
import { wakeMigration } from "../../packages/functions/src/jobs/wake.ts"
import { startSweeper } from "../../packages/local/src/service/sweeper.ts"
import { type Dynamo, startDynamo } from "../support/dynamodb.ts"
import { begin, temporaryFolder, testWorld } from "../support/harness.ts"

let dynamo: Dynamo
beforeAll(async () => {
  process.env.IMGMIGRATOR_LOCAL = "1"
  process.env.POWERTOOLS_LOG_LEVEL = "SILENT"
  dynamo = await startDynamo()
})
afterEach(() => {
  delete process.env.MIGRATION_RETENTION_DAYS
})
afterAll(() => dynamo.close())

const day = 86_400
const { world, run } = testWorld()
const after = (ms: number) => ({ ...world, clock: { ...world.clock, now: () => Date.now() + ms } })
const quarter = after(15 * 60_000)
const never = Number.MAX_VALUE

/** The table's rows of a migration: what it wrote itself, and what stands in its user's partition. */
async function rowsOf(userId: string, id: string) {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" }
  const client = new DynamoDBClient({ endpoint: dynamo.endpoint, region: "local", credentials })
  const documents = DynamoDBDocumentClient.from(client)
  const { Items = [] } = await documents.send(new ScanCommand({ TableName: dynamo.tableName }))
  client.destroy()
  const own = Items.filter(
    ({ pk }) => String(pk) === `MIGRATION#${id}` || String(pk).startsWith(`MIGRATION#${id}#`),
  )
  return { own, migration: Items.find(({ pk, sk }) => pk === `USER#${userId}` && sk === `MIGRATION#${id}`) }
}

/** One image arrives, and one fails, since a file is where its folder should be. */
async function library(folder: string) {
  const [from, to] = [join(folder, "from"), join(folder, "to")]
  await mkdir(join(from, "a"), { recursive: true })
  await mkdir(to)
  await writeFile(join(from, "a/failing.jpg"), "1")
  await writeFile(join(from, "b.jpg"), "2")
  await writeFile(join(to, "a"), "in the way")
  return { source: `file:${from}`, destination: `file:${to}`, obstacle: join(to, "a") }
}

test("with a retention every row of an ended migration gets its date, and the migration goes first", async () => {
  process.env.MIGRATION_RETENTION_DAYS = "30"
  await using folder = await temporaryFolder()
  const row = await begin(world, { ...(await library(folder.path)), userId: "ana" })
  await run()
  const { ended_at } = await mustGetMigration("ana", row.id)
  const expected = Math.ceil(Date.parse(ended_at ?? "") / 1000) + 30 * day
  // A late worker may still be writing.
  expect(await retireEnded(never, world)).toBe(0)
  expect(await retireEnded(never, quarter)).toBe(1)
  const { own, migration } = await rowsOf("ana", row.id)
  expect(migration).toMatchObject({ expires_at: expected })
  expect(migration).not.toHaveProperty("active")
  const kinds = new Set(own.map(({ sk }) => String(sk).split("#")[0]))
  expect([...kinds].sort()).toEqual(["FAILED", "LANE", "MANIFEST", "OUTCOME"])
  expect(own.map(({ expires_at }) => expires_at)).toEqual(own.map(() => expected + 7 * day))
  expect(await retireEnded(never, quarter)).toBe(0)
})

test("a retry takes the date back, and its end sets a new one", async () => {
  process.env.MIGRATION_RETENTION_DAYS = "1"
  await using folder = await temporaryFolder()
  const { obstacle, ...wish } = await library(folder.path)
  const row = await begin(world, { ...wish, userId: "bob" })
  await run()
  await retireEnded(never, quarter)
  await rm(obstacle)
  await retryMigration("bob", row.id, Date.now())
  expect((await rowsOf("bob", row.id)).migration).not.toHaveProperty("expires_at")
  // While it runs, nobody marks it.
  expect(await retireEnded(never, quarter)).toBe(0)
  await wakeMigration(row, world)
  await run()
  expect(await mustGetMigration("bob", row.id)).toMatchObject({ status: "completed" })
  expect(await retireEnded(never, quarter)).toBe(1)
  const { own, migration } = await rowsOf("bob", row.id)
  expect(new Set(own.map(({ expires_at }) => expires_at))).toEqual(new Set([migration?.expires_at + 7 * day]))
})

test("whoever has no time left leaves the migration to the next sweep, which goes on behind what was done", async () => {
  process.env.MIGRATION_RETENTION_DAYS = "1"
  await using folder = await temporaryFolder()
  const row = await begin(world, { ...(await library(folder.path)), userId: "cyd" })
  await run()
  expect(await retireEnded(0, quarter)).toBe(0)
  expect((await rowsOf("cyd", row.id)).migration).toMatchObject({ active: "ENDED", marked: 1 })
  expect(await retireEnded(never, quarter)).toBe(1)
  expect((await rowsOf("cyd", row.id)).migration).not.toHaveProperty("marked")
})

test("a cancelled migration is deleted too, and one that has expired is absent before the table deletes it", async () => {
  process.env.MIGRATION_RETENTION_DAYS = "1"
  await using folder = await temporaryFolder()
  const row = await begin(world, { ...(await library(folder.path)), userId: "dan" })
  await cancelMigration("dan", row.id, Date.now())
  await run()
  expect(await retireEnded(never, quarter)).toBe(1)
  expect(await getMigration("dan", row.id)).toMatchObject({ status: "cancelled" })
  const expires_at = Math.floor(Date.now() / 1000)
  await update({
    key: keys.migration("dan", row.id),
    set: { expires_at },
    condition: "attribute_exists(#pk)",
  })
  expect(await getMigration("dan", row.id)).toBeUndefined()
  expect(await listMigrations("dan", { limit: 10 })).toEqual({ rows: [] })
})

test("a service outside AWS sees to it as well", async () => {
  process.env.MIGRATION_RETENTION_DAYS = "1"
  await using folder = await temporaryFolder()
  const row = await begin(world, { ...(await library(folder.path)), userId: "fay" })
  await cancelMigration("fay", row.id, Date.now() - 15 * 60_000)
  await run()
  const stop = startSweeper(10)
  try {
    await expect
      .poll(() => rowsOf("fay", row.id), { timeout: 60_000 })
      .toMatchObject({
        migration: { expires_at: expect.any(Number) },
      })
  } finally {
    await stop()
  }
})

test("without a retention nothing is ever marked, and a wrong one is told by its name", async () => {
  await using folder = await temporaryFolder()
  const row = await begin(world, { ...(await library(folder.path)), userId: "eve" })
  await run()
  expect(await retireEnded(never, quarter)).toBe(0)
  expect((await rowsOf("eve", row.id)).migration).not.toHaveProperty("active")
  process.env.MIGRATION_RETENTION_DAYS = "soon"
  await expect(retireEnded(never, quarter)).rejects.toThrow('MIGRATION_RETENTION_DAYS is "soon"')
})
