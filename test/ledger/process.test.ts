import { cp, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { readLanes } from "../../packages/functions/src/db/lanes.ts"
import {
  getMigration,
  mustGetMigration,
  pauseMigration,
  resumeMigration,
} from "../../packages/functions/src/db/migrations.ts"
import { readReport } from "../../packages/functions/src/db/reports.ts"
import { retryMigration } from "../../packages/functions/src/db/retry.ts"
import { progressView } from "../../packages/functions/src/db/view.ts"
import { wakeMigration } from "../../packages/functions/src/jobs/wake.ts"
import { flushMetrics } from "../../packages/functions/src/metrics.ts"
import { type Dynamo, startDynamo } from "../support/dynamodb.ts"
import { begin, temporaryFolder, testWorld } from "../support/harness.ts"
import { copyLibrary, libraryFiles } from "../support/library.ts"

let dynamo: Dynamo
beforeAll(async () => {
  process.env.IMGMIGRATOR_LOCAL = "1"
  dynamo = await startDynamo()
})
afterAll(() => dynamo.close())

const files = async (folder: string, names: readonly string[], content = (name: string) => name) => {
  for (const name of names) {
    await mkdir(join(folder, name, ".."), { recursive: true })
    await writeFile(join(folder, name), content(name))
  }
}

test("a folder of real images arrives byte by byte, with its times, and a second run moves nothing", async () => {
  await using folder = await temporaryFolder()
  const source = join(folder.path, "from")
  await copyLibrary(source)
  const destination = join(folder.path, "to")
  const { world, run } = testWorld()
  const row = await begin(world, { source: `file:${source}`, destination: `file:${destination}` })
  await run()
  const ended = await mustGetMigration("u1", row.id)
  expect(ended.error).toBeUndefined()
  expect(ended).toMatchObject({
    status: "completed",
    totals: { discovered: libraryFiles.length, migrated: libraryFiles.length, remaining: 0 },
  })
  for (const { path } of libraryFiles) {
    expect(await readFile(join(destination, path))).toEqual(await readFile(join(source, path)))
    expect((await stat(join(destination, path), { bigint: true })).mtimeNs).toBe(
      (await stat(join(source, path), { bigint: true })).mtimeNs,
    )
  }
  const report = await readReport(ended, { limit: 1000 })
  expect(report.entries).toHaveLength(libraryFiles.length)
  expect(report.entries.every(({ checksum }) => checksum?.algorithm === "sha256")).toBe(true)

  const again = await begin(world, { source: `file:${source}`, destination: `file:${destination}` })
  await run()
  expect(await mustGetMigration("u1", again.id)).toMatchObject({
    status: "completed",
    totals: { migrated: 0, skipped: libraryFiles.length },
  })
})

test("chunks that need nothing are booked by their planner, those around an image to copy by whoever copies", async () => {
  await using folder = await temporaryFolder()
  // Long names, so that a chunk is full at some 300 of them.
  const deep = ["a", "b", "c"].map((letter) => letter.repeat(250)).join("/")
  const names = Array.from({ length: 2_000 }, (_, i) => `${deep}/${String(i).padStart(4, "0")}.jpg`)
  await files(join(folder.path, "from"), names, () => "same")
  await cp(join(folder.path, "from"), join(folder.path, "to"), { recursive: true, preserveTimestamps: true })
  await rm(join(folder.path, "to", names[900] ?? ""))
  // A name that is no UTF-8 fails while it is planned.
  await writeFile(Buffer.concat([Buffer.from(`${folder.path}/from/`), Buffer.from([0xff])]), "odd")
  const { world, run } = testWorld()
  const row = await begin(world, {
    source: `file:${folder.path}/from`,
    destination: `file:${folder.path}/to`,
  })
  await run()
  const ended = await mustGetMigration("u1", row.id)
  expect(ended).toMatchObject({
    status: "completed_with_failures",
    totals: { discovered: 2_001, migrated: 1, skipped: 1_999, failed: 1, remaining: 0 },
  })
  const [planner] = await readLanes(row.id)
  expect(planner?.plan?.chunks).toBeGreaterThan(5)
  const { entries } = await readReport(ended, { limit: 1_000, outcome: "failed" })
  expect(entries).toMatchObject([{ outcome: "failed", code: "source.name" }])
  await wakeMigration((await retryMigration("u1", row.id, Date.now())).row, world)
  await run()
  expect(await mustGetMigration("u1", row.id)).toMatchObject({
    totals: { discovered: 2_001, migrated: 1, skipped: 1_999, failed: 1, remaining: 0 },
  })
})

test("on Lambda an image that was there already is counted, too: an unchanged library makes progress", async () => {
  await using folder = await temporaryFolder()
  await files(join(folder.path, "from"), ["a.jpg", "b.jpg", "c.jpg"])
  const counted = async () => {
    const { world, run } = testWorld()
    await begin(world, { source: `file:${folder.path}/from`, destination: `file:${folder.path}/to` })
    vi.stubEnv("AWS_LAMBDA_FUNCTION_NAME", "worker")
    await run()
    const out = vi.spyOn(process.stdout, "write").mockReturnValue(true)
    flushMetrics()
    const lines = out.mock.calls.map(([line]) => String(line)).filter((line) => line.includes("_aws"))
    out.mockRestore()
    vi.unstubAllEnvs()
    return JSON.parse(lines.at(-1) ?? "{}")
  }
  expect(await counted()).toMatchObject({ ItemsMigrated: 3 })
  expect(await counted()).toMatchObject({ ItemsSkipped: 3 })
  // One that changed is copied, and its chunk is booked by whoever copies it.
  await rm(join(folder.path, "to", "b.jpg"))
  expect(await counted()).toMatchObject({ ItemsMigrated: 1, ItemsSkipped: 2 })
})

test("an empty source completes with nothing, and one that is missing stops with the reason", async () => {
  await using folder = await temporaryFolder()
  await mkdir(join(folder.path, "from"))
  const { world, run } = testWorld()
  const empty = await begin(world, {
    source: `file:${folder.path}/from`,
    destination: `file:${folder.path}/to`,
  })
  const missing = await begin(world, {
    source: `file:${folder.path}/nowhere`,
    destination: `file:${folder.path}/to`,
  })
  await run()
  expect(await getMigration("u1", empty.id)).toMatchObject({ status: "completed", totals: { discovered: 0 } })
  expect(await getMigration("u1", missing.id)).toMatchObject({
    status: "failed",
    error: { code: "store.missing" },
  })
})

test("10,000 small files take at most 20 messages and 0.1 write units an item, over several lanes", async () => {
  await using folder = await temporaryFolder()
  const source = join(folder.path, "from")
  const names = Array.from(
    { length: 10_000 },
    (_, i) => `${String(i % 10)}/IMG_${String(i).padStart(5, "0")}.JPG`,
  )
  for (let d = 0; d < 10; d++) await mkdir(join(source, String(d)), { recursive: true })
  await Promise.all(names.map((name) => writeFile(join(source, name), name.padEnd(1024))))
  const { world, run } = testWorld()
  const row = await begin(world, { source: `file:${source}`, destination: `file:${folder.path}/to` })
  await run()
  const ended = await mustGetMigration("u1", row.id)
  expect(ended).toMatchObject({
    status: "completed",
    totals: { migrated: 10_000, bytes_migrated: 10_240_000 },
  })
  const { cost } = progressView(ended, [], Date.now())
  expect(cost.messages).toBeLessThanOrEqual(20)
  expect(cost.write_units).toBeLessThanOrEqual(1_000)
})

test("only failed items are retried, into new chunks, and the report has each item once", async () => {
  await using folder = await temporaryFolder()
  const source = join(folder.path, "from")
  const names = Array.from({ length: 450 }, (_, i) => `img-${String(i).padStart(3, "0")}.jpg`)
  await files(source, names)
  // A folder where a file should go: these items can't be written.
  const destination = join(folder.path, "to")
  for (const name of ["img-007.jpg", "img-300.jpg"])
    await mkdir(join(destination, name, "x"), { recursive: true })
  const { world, run } = testWorld()
  const row = await begin(world, { source: `file:${source}`, destination: `file:${destination}` })
  await run()
  const first = await mustGetMigration("u1", row.id)
  expect(first).toMatchObject({
    status: "completed_with_failures",
    totals: { migrated: 448, failed: 2, remaining: 0 },
  })
  const failed = await readReport(first, { outcome: "failed", limit: 10 })
  expect(failed.entries.map(({ source: key }) => key)).toEqual(["img-007.jpg", "img-300.jpg"])
  expect(failed.entries.every(({ code, message }) => code && message)).toBe(true)

  await rm(join(destination, "img-300.jpg"), { recursive: true })
  const { row: retried } = await retryMigration("u1", row.id, Date.now())
  await wakeMigration(retried, world)
  await run()
  const second = await mustGetMigration("u1", row.id)
  expect(second).toMatchObject({
    status: "completed_with_failures",
    totals: { discovered: 450, migrated: 449, failed: 1, remaining: 0 },
  })
  const report = await readReport(second, { limit: 1000 })
  expect(new Set(report.entries.map(({ source: key }) => key)).size).toBe(450)
  expect(report.entries).toHaveLength(450)

  await rm(join(destination, "img-007.jpg"), { recursive: true })
  await wakeMigration((await retryMigration("u1", row.id, Date.now())).row, world)
  await run()
  expect(await getMigration("u1", row.id)).toMatchObject({
    status: "completed",
    totals: { migrated: 450, failed: 0 },
  })
  expect((await readdir(destination)).length).toBe(450)
})

test("a changed file of the same size and an older time is copied again; overwrite never and dry_run leave it", async () => {
  await using folder = await temporaryFolder()
  const source = join(folder.path, "from")
  const destination = join(folder.path, "to")
  await files(source, ["a.jpg", "b.jpg"], () => "one")
  const { world, run } = testWorld()
  const migrate = async (options = {}) => {
    const row = await begin(world, { source: `file:${source}`, destination: `file:${destination}`, options })
    await run()
    return mustGetMigration("u1", row.id)
  }
  await migrate()
  await writeFile(join(source, "a.jpg"), "two")
  await utimes(join(source, "a.jpg"), 1, 1)
  expect((await migrate({ dry_run: true })).totals).toMatchObject({ migrated: 0, skipped: 2 })
  expect((await migrate({ overwrite: "never" })).totals).toMatchObject({ migrated: 0, skipped: 2 })
  expect(await readFile(join(destination, "a.jpg"), "utf8")).toBe("one")
  expect((await migrate()).totals).toMatchObject({ migrated: 1, skipped: 1 })
  expect(await readFile(join(destination, "a.jpg"), "utf8")).toBe("two")
  expect((await migrate({ overwrite: "always" })).totals).toMatchObject({ migrated: 2, skipped: 0 })
})

test("globs choose what is moved, and what they leave out is not counted", async () => {
  await using folder = await temporaryFolder()
  await files(join(folder.path, "from"), ["a.jpg", "b.png", "raw/c.jpg", "raw/d.jpg"])
  const { world, run } = testWorld()
  const row = await begin(world, {
    source: `file:${folder.path}/from`,
    destination: `file:${folder.path}/to`,
    options: { include: ["**/*.jpg"], exclude: ["raw/d*"] },
  })
  await run()
  expect((await mustGetMigration("u1", row.id)).totals).toMatchObject({ discovered: 2, migrated: 2 })
})

test("a paused migration does nothing until it is resumed", async () => {
  await using folder = await temporaryFolder()
  await files(join(folder.path, "from"), ["a.jpg"])
  const { world, run } = testWorld()
  const row = await begin(world, {
    source: `file:${folder.path}/from`,
    destination: `file:${folder.path}/to`,
  })
  await pauseMigration("u1", row.id, Date.now())
  await run()
  expect(await getMigration("u1", row.id)).toMatchObject({ status: "paused" })
  expect((await readLanes(row.id))[0]).toMatchObject({ fence: 0 })
  const { row: resumed } = await resumeMigration("u1", row.id, Date.now())
  await wakeMigration(resumed, world)
  await run()
  expect(await getMigration("u1", row.id)).toMatchObject({ status: "completed", totals: { migrated: 1 } })
})

test("a migration that one lane can carry is one message", async () => {
  await using folder = await temporaryFolder()
  await files(join(folder.path, "from"), ["a.jpg", "b.jpg"])
  const { world, run, published } = testWorld()
  await begin(world, { source: `file:${folder.path}/from`, destination: `file:${folder.path}/to` })
  await run()
  expect(published()).toBe(1)
})
