import { createHash } from "node:crypto"
import { mkdir, readFile, stat, utimes, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3"
import { type S3, startS3 } from "s3-local"
import { afterAll, beforeAll, expect, test } from "vitest"
import { copyLibrary, libraryFiles, libraryPath, mtimeNs } from "../support/library.ts"
import { startTestService, type TestService } from "../support/service.ts"

let s3: S3
let sdk: S3Client
let service: TestService
let library: string

beforeAll(async () => {
  s3 = await startS3({ port: 0, buckets: ["photos", "copies", "other", "lists"] })
  process.env.AWS_ACCESS_KEY_ID = s3.accessKeyId
  process.env.AWS_SECRET_ACCESS_KEY = s3.secretAccessKey
  process.env.AWS_REGION = s3.region
  sdk = new S3Client({
    endpoint: s3.url,
    region: s3.region,
    forcePathStyle: true,
    credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
  })
  service = await startTestService()
  library = join(service.folder, "library")
  await copyLibrary(library)
})
afterAll(async () => {
  await service.close()
  await s3.close()
})

const bucket = (path: string) => `s3://${path}?endpoint=${encodeURIComponent(s3.url)}`
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")
const object = async (Bucket: string, Key: string) => {
  const { Body, ContentType, Metadata } = await sdk.send(new GetObjectCommand({ Bucket, Key }))
  return { sha256: sha256((await Body?.transformToByteArray()) ?? new Uint8Array()), ContentType, Metadata }
}
const seconds = (file: (typeof libraryFiles)[number]) => {
  const ns = mtimeNs(file)
  return `${ns / 1_000_000_000n}.${String(ns % 1_000_000_000n).padStart(9, "0")}`
}
const all = libraryFiles.length

test("file → s3: every byte, time and type arrives, and a re-run transfers nothing and asks nothing per item", async () => {
  const wish = { source: `file:${library}`, destination: bucket("photos/lib") }
  const done = await service.migrate(wish)
  expect(done).toMatchObject({
    status: "completed",
    totals: { discovered: all, migrated: all, failed: 0, remaining: 0 },
  })
  for (const file of libraryFiles) {
    const found = await object("photos", `lib/${file.path}`)
    expect(found).toMatchObject({
      sha256: file.sha256,
      ContentType: file.contentType,
      Metadata: { mtime: seconds(file) },
    })
  }
  const report = await service.report(done.id)
  expect(report.map(({ source, checksum }) => [source, checksum?.kind])).toEqual(
    libraryFiles.map(({ path }) => [path, "store"]),
  )

  const before = s3.requests.length
  const again = await service.migrate(wish)
  expect(again.totals).toMatchObject({ migrated: 0, skipped: all })
  const asked = s3.requests
    .slice(before)
    .filter(({ key }) => libraryFiles.some(({ path }) => key === `lib/${path}`))
  expect(asked).toEqual([])
})

test("s3 → s3: metadata, types and times are kept, by a copy inside the store", async () => {
  const wish = { source: bucket("photos/lib"), destination: bucket("copies") }
  const before = s3.requests.length
  const done = await service.migrate(wish)
  expect(done).toMatchObject({ status: "completed", totals: { migrated: all } })
  for (const file of libraryFiles)
    expect(await object("copies", file.path)).toMatchObject({
      sha256: file.sha256,
      ContentType: file.contentType,
      Metadata: { mtime: seconds(file) },
    })
  expect(s3.requests.slice(before).filter(({ operation }) => operation === "CopyObject")).toHaveLength(all)
  expect((await service.migrate(wish)).totals).toMatchObject({ migrated: 0, skipped: all })
})

test("s3 → s3 between two servers: bytes go through us", async () => {
  const elsewhere = await startS3({
    port: 0,
    buckets: ["far"],
    accessKeyId: s3.accessKeyId,
    secretAccessKey: s3.secretAccessKey,
  })
  try {
    const destination = `s3://far/x?endpoint=${encodeURIComponent(elsewhere.url)}`
    const done = await service.migrate({ source: bucket("photos/lib"), destination })
    expect(done).toMatchObject({ status: "completed", totals: { migrated: all } })
    expect(
      elsewhere.requests.filter(({ operation, status }) => operation === "PutObject" && status === 200)
        .length,
    ).toBe(all)
  } finally {
    await elsewhere.close()
  }
})

test("s3 → file: bytes and times arrive, and a re-run transfers nothing", async () => {
  const folder = join(service.folder, "back")
  const wish = { source: bucket("photos/lib"), destination: `file:${folder}` }
  const done = await service.migrate(wish)
  expect(done).toMatchObject({ status: "completed", totals: { migrated: all } })
  for (const file of libraryFiles) {
    expect(sha256(await readFile(join(folder, file.path)))).toBe(file.sha256)
    // Node sets times as doubles of seconds: a quarter of a microsecond.
    const kept = (await stat(join(folder, file.path), { bigint: true })).mtimeNs
    expect(Math.abs(Number(kept - mtimeNs(file)))).toBeLessThan(1_000)
  }
  const before = s3.requests.length
  expect((await service.migrate(wish)).totals).toMatchObject({ migrated: 0, skipped: all })
  expect(s3.requests.slice(before).filter(({ operation }) => operation === "GetObject")).toEqual([])
})

test("urls → s3: a list in any form brings its images, and what a re-run finds equal is skipped", async () => {
  const { createServer } = await import("node:http")
  const served = libraryFiles.filter(({ bytes }) => bytes > 0).slice(0, 12)
  const host = createServer(async (request, response) => {
    const path = decodeURIComponent((request.url ?? "/").split("?")[0] ?? "").slice(1)
    const file = served.find((each) => each.path === path)
    if (!file) return response.writeHead(404).end()
    response.writeHead(200, {
      "content-type": file.contentType,
      "content-length": file.bytes,
      "last-modified": new Date(file.mtime).toUTCString(),
    })
    response.end(request.method === "HEAD" ? undefined : await readFile(join(libraryPath, file.path)))
  }).listen(0, "127.0.0.1")
  await new Promise((resolve) => host.once("listening", resolve))
  const address = host.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  const origin = `http://127.0.0.1:${address.port}`
  const urls = served.map(({ path }) => `${origin}/${path.split("/").map(encodeURIComponent).join("/")}`)
  try {
    const inline = {
      source: { type: "urls", urls: served.map(({ path }, i) => ({ url: urls[i], name: path })) },
      destination: bucket("other/inline"),
    }
    expect(await service.migrate(inline)).toMatchObject({
      status: "completed",
      totals: { migrated: served.length },
    })
    for (const file of served)
      expect(await object("other", `inline/${file.path}`)).toMatchObject({
        sha256: file.sha256,
        ContentType: file.contentType,
      })
    expect((await service.migrate(inline)).totals).toMatchObject({ migrated: 0, skipped: served.length })

    const csv = [
      "url,name,sha256",
      ...served.map(({ sha256 }, i) => `${urls[i]},img-${i}.jpg,${sha256}`),
    ].join("\n")
    await sdk.send(new PutObjectCommand({ Bucket: "lists", Key: "list.csv", Body: csv }))
    const list = createServer((_, response) => void response.end(csv)).listen(0, "127.0.0.1")
    await new Promise((resolve) => list.once("listening", resolve))
    const at = list.address()
    if (at === null || typeof at === "string") throw new Error("no port")
    const done = await service.migrate({
      source: `http://127.0.0.1:${at.port}/list.csv`,
      destination: bucket("other/csv"),
    })
    list.close()
    expect(done).toMatchObject({ status: "completed", totals: { migrated: served.length } })
    expect((await object("other", "csv/img-3.jpg")).sha256).toBe(served[3]?.sha256)
  } finally {
    host.close()
  }
})

test("a large file goes to S3 in parts, verified as a whole, and back again", async () => {
  const source = join(service.folder, "large")
  await mkdir(source)
  const bytes = Buffer.alloc(21 * 1024 * 1024 + 17)
  for (let at = 0; at < bytes.length; at += 4096) bytes.writeUInt32LE(at, Math.min(at, bytes.length - 4))
  await writeFile(join(source, "panorama.tif"), bytes)
  await utimes(join(source, "panorama.tif"), 1_600_000_000, 1_600_000_000)
  const there = await service.migrate({ source: `file:${source}`, destination: bucket("other/large") })
  expect(there).toMatchObject({ status: "completed", totals: { migrated: 1, bytes_migrated: bytes.length } })
  expect((await service.report(there.id))[0]?.checksum).toMatchObject({
    algorithm: "crc64nvme",
    kind: "store",
  })
  expect((await object("other", "large/panorama.tif")).sha256).toBe(sha256(bytes))
  const back = await service.migrate({
    source: bucket("other/large"),
    destination: `file:${join(service.folder, "large-back")}`,
  })
  expect(back.status).toBe("completed")
  expect(sha256(await readFile(join(service.folder, "large-back", "panorama.tif")))).toBe(sha256(bytes))
})

test("wrong credentials, a missing bucket and a read-only key stop the migration with the reason and leave nothing", async () => {
  const missing = await service.migrate({ source: `file:${library}`, destination: bucket("nowhere") })
  expect(missing).toMatchObject({
    status: "failed",
    error: { message: expect.stringContaining("nowhere") },
    totals: { migrated: 0 },
  })
  const stranger = await startS3({
    port: 0,
    buckets: ["photos"],
    accessKeyId: "other",
    secretAccessKey: "other",
  })
  try {
    const refused = await service.migrate({
      source: `file:${library}`,
      destination: `s3://photos?endpoint=${encodeURIComponent(stranger.url)}`,
    })
    expect(refused.status).toBe("failed")
    expect(refused.error?.message).not.toContain(s3.secretAccessKey)
  } finally {
    await stranger.close()
  }
})

test("an object that appears at the destination between plan and write is not overwritten, and said so", async () => {
  const source = join(service.folder, "race")
  await mkdir(dirname(join(source, "a.jpg")), { recursive: true })
  await writeFile(join(source, "a.jpg"), "ours")
  // Somebody else's write lands just before ours, whatever the listing said.
  await sdk.send(new PutObjectCommand({ Bucket: "other", Key: "race/a.jpg", Body: "theirs, and longer" }))
  const done = await service.migrate({
    source: `file:${source}`,
    destination: bucket("other/race"),
    options: { overwrite: "never" },
  })
  expect(done.totals).toMatchObject({ skipped: 1, migrated: 0 })
  const head = await sdk.send(new HeadObjectCommand({ Bucket: "other", Key: "race/a.jpg" }))
  expect(head.ContentLength).toBe("theirs, and longer".length)
  const { Contents } = await sdk.send(new ListObjectsV2Command({ Bucket: "other", Prefix: "race" }))
  expect(Contents).toHaveLength(1)
})
