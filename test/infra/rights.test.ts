import { appendFile, mkdir, rm, truncate, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { type Dynamo, startDynamo } from "../support/dynamodb.ts"
import { temporaryFolder } from "../support/harness.ts"
import { startGuard } from "./support/iam.ts"
import { patience, production } from "./support/stages.ts"
import { ofType, statements } from "./support/view.ts"

// The uploaded worker reaches no store of this machine (it refuses loopback), so a whole migration runs from source:
// the same code, and every request to the table is held to the plan's role of the function that would make it.
let dynamo: Dynamo
let guard: Awaited<ReturnType<typeof startGuard>>
let role = ""

const as = async <Result>(component: string, run: () => Promise<Result>): Promise<Result> => {
  role = component
  return run()
}

beforeAll(async () => {
  const plan = await production()
  const { arn } = ofType(plan, "aws:dynamodb/table:Table")[0]?.state ?? {}
  process.env.IMGMIGRATOR_LOCAL = "1"
  process.env.MIGRATION_RETENTION_DAYS = "30"
  process.env.POWERTOOLS_LOG_LEVEL = "SILENT"
  dynamo = await startDynamo()
  guard = await startGuard(dynamo.endpoint, String(arn), () => statements(plan, role))
  process.env.AWS_ENDPOINT_URL_DYNAMODB = guard.endpoint
  vi.resetModules() // for a client that goes through the guard
}, patience)
afterAll(async () => {
  await guard?.close()
  await dynamo?.close()
})

const large = 9 * 1024 * 1024

test("the roles are enough for a migration with a large image, a failure, a retry, a pause and a cancellation", {
  timeout: patience,
}, async () => {
  const { begin, testWorld } = await import("../support/harness.ts")
  const { retryMigration } = await import("../../packages/functions/src/db/retry.ts")
  const db = await import("../../packages/functions/src/db/migrations.ts")
  const { cancel } = await import("../../packages/functions/src/jobs/cancel.ts")
  const { wakeMigration } = await import("../../packages/functions/src/jobs/wake.ts")
  const { retireEnded } = await import("../../packages/functions/src/jobs/retire.ts")
  const { sweep } = await import("../../packages/functions/src/jobs/sweep.ts")
  await using folder = await temporaryFolder()
  const [from, to] = [join(folder.path, "from"), join(folder.path, "to")]
  await mkdir(join(from, "a.jpg"), { recursive: true })
  await writeFile(join(from, "a.jpg/b.jpg"), "b")
  await writeFile(join(from, "large.tif"), "")
  await truncate(join(from, "large.tif"), large)
  // Where a folder should be there is a file, so that one image fails.
  await mkdir(to)
  await writeFile(join(to, "a.jpg"), "in the way")

  const { world, run } = testWorld()
  const work = () => as("MigrationWorker", run)
  const wish = { source: `file:${from}`, destination: `file:${to}`, options: { lanes: 2 } }
  const row = await as("CreateMigration", () => begin(world, wish))
  const later = { ...world.clock, now: () => Date.now() + 120_000 }
  expect(await as("Sweeper", () => sweep({ ...world, clock: later }))).toEqual({
    active: 1,
    lanes: 0,
    sent: 1,
    unreachable: 0,
  })
  await work()
  expect(await db.mustGetMigration("u1", row.id)).toMatchObject({
    status: "completed_with_failures",
    totals: { migrated: 1, failed: 1 },
  })
  await rm(join(to, "a.jpg"))
  await as("RetryMigration", async () => {
    await retryMigration("u1", row.id, Date.now())
    await wakeMigration(row, world)
  })
  await work()
  expect(await db.mustGetMigration("u1", row.id)).toMatchObject({
    status: "completed",
    totals: { migrated: 2, failed: 0 },
  })

  await appendFile(join(from, "large.tif"), "changed")
  const other = await as("CreateMigration", () => begin(world, wish))
  await as("PauseMigration", () => db.pauseMigration("u1", other.id, Date.now()))
  await as("ResumeMigration", async () => {
    await db.resumeMigration("u1", other.id, Date.now())
    await wakeMigration(other, world)
  })
  await as("CancelMigration", () => cancel("u1", other.id, world))
  await work()
  const nextDay = { ...world.clock, now: () => Date.now() + 86_400_000 }
  expect(await as("Sweeper", () => retireEnded(Number.MAX_VALUE, { ...world, clock: nextDay }))).toBe(2)

  expect(guard.asked.filter(({ allowed }) => !allowed)).toEqual([])
  const used = new Set(guard.asked.map(({ action }) => action))
  const given = statements(await production(), "MigrationWorker").flatMap(({ Action }) => Action)
  // Nor is the worker's more than enough.
  expect(given.filter((action) => action.startsWith("dynamodb:") && !used.has(action))).toEqual([])
})
