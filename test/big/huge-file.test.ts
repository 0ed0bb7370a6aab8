import { createHash } from "node:crypto"
import { openStore } from "@imgmigrator/stores"
import { type S3, startS3 } from "s3-local"
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest"
import { cancelMigration, mustGetMigration } from "../../packages/functions/src/db/migrations.ts"
import { readReport } from "../../packages/functions/src/db/reports.ts"
import { readUploads } from "../../packages/functions/src/db/uploads.ts"
import { wakeMigration } from "../../packages/functions/src/jobs/wake.ts"
import { storeSettings } from "../../packages/functions/src/store-settings.ts"
import { type DeliveredService, startDelivered } from "../support/delivered.ts"
import { type Dynamo, startDynamo } from "../support/dynamodb.ts"
import { begin, temporaryFolder } from "../support/harness.ts"
import { type SlowSource, startSlowSource } from "./slow-source.ts"

const mebibyte = 1024 * 1024
/** IMGMIGRATOR_LONG=1: 5 GB, in deliveries of two minutes; else the same with less of everything. */
const isLong = process.env.IMGMIGRATOR_LONG === "1"
const size = isLong ? 5_000_000_000 : 72 * mebibyte + 1
// Less than a lease lives: time passes with the bytes here, however long the rest of the machine takes.
const seconds = isLong ? 120 : 20
const rate = isLong ? 10 * mebibyte : 2 * mebibyte
const patience = isLong ? 3_600_000 : 120_000

let dynamo: Dynamo
let s3: S3
let source: SlowSource
let service: DeliveredService
let folder: Awaited<ReturnType<typeof temporaryFolder>>
beforeAll(async () => {
  dynamo = await startDynamo()
})
afterAll(() => dynamo.close())
beforeEach(async () => {
  folder = await temporaryFolder()
  s3 = await startS3({ port: 0, buckets: ["archive"], dir: folder.path, record: false })
  Object.assign(process.env, {
    IMGMIGRATOR_LOCAL: "1",
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  })
  source = await startSlowSource(size)
  service = await startDelivered({
    meet: (_, delivered, world) => {
      const clock = source.clock(service.clock.now, rate)
      return {
        world: { ...world, clock },
        delivered: { ...delivered, deadline: clock.now() + seconds * 1000 },
      }
    },
  })
})
afterEach(async () => {
  await service.close()
  await source.close()
  await s3.close()
  await folder[Symbol.asyncDispose]()
})

const destination = () => ({ type: "s3", bucket: "archive", endpoint: s3.url })
const archive = () =>
  openStore({ type: "s3", bucket: "archive", prefix: "", endpoint: s3.url }, storeSettings())
const migration = () =>
  begin(service.world, {
    source: { type: "urls", urls: [{ url: source.url, name: "huge.tif" }] },
    destination: destination(),
    options: { lanes: 1 },
  })

test("a huge image from a slow source goes on behind its last part, delivery after delivery", {
  timeout: patience,
}, async () => {
  const row = await migration()
  await service.qstash.idle()
  expect(await mustGetMigration("u1", row.id)).toMatchObject({
    status: "completed",
    totals: { migrated: 1, failed: 0, bytes_migrated: size },
  })
  // Each delivery went on where the one before had got to, to the part.
  expect(service.deliveries.length).toBeGreaterThanOrEqual(3)
  const [first, ...later] = source.starts.filter((start, i) => start > 0 || i === 0)
  expect(first).toBe(0)
  expect(later).toEqual(later.toSorted((a, b) => a - b))
  // On a busy machine one delivery may end before its first part is written; never several.
  expect(new Set(later).size).toBeGreaterThanOrEqual(2)
  for (const start of later) expect(start % (8 * mebibyte)).toBe(0)
  // Read twice is what was in flight, and the beginning that tells that it is still the same version.
  expect(source.served()).toBeLessThan(size + service.deliveries.length * 48 * mebibyte)

  const store = await archive()
  const hash = createHash("sha256")
  const { body } = await store.open({ key: "huge.tif" })
  for await (const chunk of body) hash.update(chunk)
  expect(hash.digest("base64")).toBe(source.sha256())
  expect(await store.uploads(0)).toEqual([])
  await store.close()
  expect(await readUploads(row.id)).toEqual([])
  const { entries } = await readReport(await mustGetMigration("u1", row.id), { limit: 10 })
  expect(entries).toMatchObject([{ outcome: "migrated", bytes: size, checksum: { algorithm: "crc64nvme" } }])
})

test.runIf(!isLong)("cancelled half-way, its parts are thrown away", async () => {
  const store = await archive()
  const row = await migration()
  while (service.deliveries.length < 2) await service.world.clock.sleep(5)
  expect(await store.uploads(0)).toHaveLength(1)
  await cancelMigration("u1", row.id, service.clock.now())
  await wakeMigration(row, service.world)
  await service.qstash.idle()
  expect(await store.uploads(0)).toEqual([])
  expect(await readUploads(row.id)).toEqual([])
  expect(await store.stat({ key: "huge.tif" })).toBeUndefined()
  await store.close()
})
