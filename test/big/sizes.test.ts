import { randomBytes } from "node:crypto"
import { openStore } from "@imgmigrator/stores"
import { type S3, startS3 } from "s3-local"
import { afterAll, beforeAll, expect, test } from "vitest"
import { mustGetMigration } from "../../packages/functions/src/db/migrations.ts"
import { readReport } from "../../packages/functions/src/db/reports.ts"
import { storeSettings } from "../../packages/functions/src/store-settings.ts"
import { type Host, startHost } from "../stores/http-support.ts"
import { type Dynamo, startDynamo } from "../support/dynamodb.ts"
import { begin, testWorld } from "../support/harness.ts"

let dynamo: Dynamo
let s3: S3
let host: Host
beforeAll(async () => {
  dynamo = await startDynamo()
  s3 = await startS3({ port: 0, buckets: ["library", "archive", "signed", "long"], record: false })
  host = await startHost()
  Object.assign(process.env, {
    IMGMIGRATOR_LOCAL: "1",
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  })
})
afterAll(async () => {
  await host.close()
  await s3.close()
  await dynamo.close()
})

const bucket = (name: string) => ({ type: "s3", bucket: name, endpoint: s3.url })
const open = (name: string) =>
  openStore({ type: "s3", bucket: name, prefix: "", endpoint: s3.url }, storeSettings())

async function migrate(source: unknown, destination: string) {
  const { world, run } = testWorld()
  const row = await begin(world, { source, destination: bucket(destination) })
  await run()
  const ended = await mustGetMigration("u1", row.id)
  const { entries } = await readReport(ended, { limit: 1000 })
  return { ended, entries }
}

test("long presigned addresses make chunks of fewer images, each of which the table takes", async () => {
  const name = (n: number) => `IMG_${String(n).padStart(4, "0")}.jpg`
  // Nothing of a signature can be packed: 200 of these are more than an item of the table holds.
  const lines = Array.from({ length: 250 }, (_, n) => {
    host.file(`/${name(n)}`, Buffer.from(name(n)))
    return `${host.url}/${name(n)}?X-Amz-Signature=${randomBytes(3000).toString("hex")},${name(n)}`
  })
  host.file("/signed.csv", Buffer.from(["url,name", ...lines].join("\n")))
  const { ended } = await migrate(`${host.url}/signed.csv`, "signed")
  expect(ended).toMatchObject({ status: "completed", totals: { discovered: 250, migrated: 250, failed: 0 } })
  expect(ended.next).toBeGreaterThanOrEqual(6)
})

test("an address that is too long for the table fails alone", async () => {
  host.file("/a.jpg", Buffer.from("a"))
  const long = `${host.url}/a.jpg?${randomBytes(200_000).toString("hex")}`
  host.file("/long.csv", Buffer.from(`url,name\n${long},long.jpg\n${host.url}/a.jpg,a.jpg\n`))
  const { ended, entries } = await migrate(`${host.url}/long.csv`, "long")
  expect(ended).toMatchObject({ status: "completed_with_failures", totals: { migrated: 1, failed: 1 } })
  expect(entries.find(({ outcome }) => outcome === "failed")).toMatchObject({
    destination: "long.jpg",
    code: "source.name",
    message: "The name or address is longer than 256 KB.",
  })
})

test("keys and metadata of the greatest size that S3 allows arrive as they were", async () => {
  const ascii = `${"folder/".repeat(30)}${"k".repeat(1024 - 7 * 30)}`
  const wide = "山".repeat(341)
  const [library, archive] = [await open("library"), await open("archive")]
  // 2 KB of names and values (AWS: Working with object metadata), with room for the time that we keep.
  const metadata = {
    author: "Ana",
    note: "n".repeat(2048 - "authorAnanote".length - "mtime1600000000.123456789".length),
  }
  const bytes = Buffer.from("pixels")
  for (const key of [ascii, wide])
    await library.put(key, bytes, {
      sha256: Buffer.from(await crypto.subtle.digest("SHA-256", bytes)),
      description: { contentType: "image/jpeg", metadata, mtimeExact: "1600000000.123456789" },
    })
  const { ended, entries } = await migrate(bucket("library"), "archive")
  expect(ended).toMatchObject({ status: "completed", totals: { migrated: 2, failed: 0 } })
  for (const key of [ascii, wide]) {
    expect(entries.map(({ destination }) => destination)).toContain(key)
    const found = await archive.stat({ key })
    expect(found).toMatchObject({ size: bytes.length, metadata, mtimeExact: "1600000000.123456789" })
  }
  await Promise.all([library.close(), archive.close()])
})

test("a source without images completes with nothing, from each kind of store", async () => {
  host.file(
    "/empty.xml",
    Buffer.from(`<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"></urlset>`),
  )
  const { ended } = await migrate({ ...bucket("library"), prefix: "nothing/here" }, "archive")
  expect(ended).toMatchObject({ status: "completed", totals: { discovered: 0, remaining: 0 } })
  const { ended: list } = await migrate(`${host.url}/empty.xml`, "archive")
  expect([list.status, list.error?.code]).toEqual(["failed", "manifest.empty"])
})
