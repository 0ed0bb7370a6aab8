import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { request } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3"
import { expect, onTestFinished, test } from "vitest"
import { sendSigned, signed } from "./raw.ts"
import { bucket, bytes, fresh, sdk, sdkOf, server } from "./support.ts"

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), "s3-local-"))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** The files of blobs and of records, relative. */
const filesIn = (dir: string, below: "data" | "buckets") =>
  readdirSync(join(dir, below), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())

test("everything is there again after a restart: objects, metadata, tags, checksums, open uploads", async () => {
  const dir = directory()
  const first = await fresh({ dir })
  const before = sdkOf(first)
  const at = { Bucket: bucket, Key: "a//ü" }
  const large = { Bucket: bucket, Key: "large" }
  const body = bytes(600_000)
  await before.send(
    new PutObjectCommand({
      ...at,
      Body: body,
      Metadata: { a: "1" },
      Tagging: "t=1",
      ChecksumAlgorithm: "SHA256",
    }),
  )
  const told = await before.send(new HeadObjectCommand({ ...at, ChecksumMode: "ENABLED" }))
  const { UploadId } = await before.send(new CreateMultipartUploadCommand(large))
  const { ETag } = await before.send(new UploadPartCommand({ ...large, UploadId, PartNumber: 1, Body: body }))
  before.destroy()
  await first.close()

  const client = sdk(await server({ dir, buckets: [] }))
  const got = await client.send(new GetObjectCommand({ ...at, ChecksumMode: "ENABLED" }))
  expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(body)).toBe(true)
  const { ETag: etag, LastModified, Metadata, TagCount, ChecksumSHA256, ContentType } = told
  expect(got).toMatchObject({ ETag: etag, LastModified, Metadata, TagCount, ChecksumSHA256, ContentType })
  const parts = await client.send(new ListPartsCommand({ ...large, UploadId }))
  expect(parts.Parts).toMatchObject([{ PartNumber: 1, ETag, Size: body.length }])
  await client.send(
    new CompleteMultipartUploadCommand({
      ...large,
      UploadId,
      MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
    }),
  )
  const { Contents } = await client.send(new ListObjectsV2Command({ Bucket: bucket }))
  expect(Contents?.map(({ Key }) => Key)).toEqual(["a//ü", "large"])
})

test("bytes are kept once, shared by copies, and freed with the last that has them", async () => {
  const dir = directory()
  const client = sdk(await server({ dir }))
  const put = (Key: string) =>
    client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: bytes(300_000) }))
  await put("a")
  await put("a")
  expect(filesIn(dir, "data")).toHaveLength(1)
  await client.send(new CopyObjectCommand({ Bucket: bucket, Key: "b", CopySource: `${bucket}/a` }))
  expect(filesIn(dir, "data")).toHaveLength(1)
  await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: "a" }))
  const got = await client.send(new GetObjectCommand({ Bucket: bucket, Key: "b" }))
  expect(await got.Body?.transformToByteArray()).toHaveLength(300_000)
  await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: "b" }))
  expect(filesIn(dir, "data")).toHaveLength(0)
  await client.send(new DeleteBucketCommand({ Bucket: bucket }))
  expect(filesIn(dir, "buckets")).toHaveLength(0)
})

test("a refused put leaves nothing on disk, small or large", async () => {
  const dir = directory()
  const s3 = await server({ dir })
  for (const size of [10, 2_000_000]) {
    const headers = { "content-md5": "CY9rzUYh03PK3k6DJie09g==" }
    const answer = await sendSigned(s3, { method: "PUT", path: `/${bucket}/x`, body: bytes(size), headers })
    expect(answer.code).toBe("BadDigest")
  }
  expect(filesIn(dir, "data")).toHaveLength(0)
  expect(filesIn(dir, "buckets").map(({ name }) => name)).toEqual(["bucket.json"])
})

test("an upload that the client breaks off leaves nothing on disk", async () => {
  const dir = directory()
  const s3 = await server({ dir })
  const ask = await signed(s3, { method: "PUT", path: `/${bucket}/x` })
  const headers = { ...ask.headers, "content-length": 1_000_000 }
  const outgoing = request({ port: s3.port, method: "PUT", path: ask.path, headers })
  const failed = once(outgoing, "error")
  outgoing.write(bytes(900_000))
  await expect.poll(() => filesIn(dir, "data")).toHaveLength(1)
  outgoing.destroy(new Error("broken off"))
  await failed
  await expect.poll(() => filesIn(dir, "data")).toHaveLength(0)
  expect(await sendSigned(s3, { path: `/${bucket}/x` })).toMatchObject({ status: 404 })
})

test("an object that is replaced or deleted while it is read is read to its end", async () => {
  const dir = directory()
  const s3 = await server({ dir })
  const client = sdk(s3)
  const at = { Bucket: bucket, Key: "x" }
  const body = bytes(8_000_000)
  await client.send(new PutObjectCommand({ ...at, Body: body }))
  const reading = await client.send(new GetObjectCommand(at))
  await client.send(new PutObjectCommand({ ...at, Body: "other" }))
  await client.send(new DeleteObjectCommand(at))
  expect(Buffer.from((await reading.Body?.transformToByteArray()) ?? []).equals(body)).toBe(true)
  await expect.poll(() => filesIn(dir, "data")).toHaveLength(0)
})

test("what a crash left half-done is tidied up at the start", async () => {
  const dir = directory()
  const first = await fresh({ dir })
  await sendSigned(first, { method: "PUT", path: `/${bucket}/x`, body: "kept" })
  await first.close()
  writeFileSync(join(dir, "data", "ab", "ab-orphan"), "half")
  const [fan = ""] = readdirSync(join(dir, "buckets", bucket, "objects"))
  writeFileSync(join(dir, "buckets", bucket, "objects", fan, "x.json.1.tmp"), "half")
  const s3 = await server({ dir })
  expect((await sendSigned(s3, { path: `/${bucket}/x` })).body.toString()).toBe("kept")
  expect(filesIn(dir, "data")).toHaveLength(1)
  expect(filesIn(dir, "buckets")).toHaveLength(2)
})

test("after SIGKILL in the middle of writing, every answered put is there as a whole, and no other object is broken", async () => {
  const dir = directory()
  const main = new URL("../../packages/s3-local/src/main.ts", import.meta.url).pathname
  const env = { ...process.env, AWS_ACCESS_KEY_ID: "AKIDLOCAL", AWS_SECRET_ACCESS_KEY: "secret" }
  const child = spawn(process.execPath, [main, "--port", "0", "--dir", dir, "--bucket", bucket], { env })
  onTestFinished(() => void child.kill("SIGKILL"))
  let port = 0
  for await (const line of createInterface(child.stdout)) {
    port = Number(/:(\d+)$/.exec(line)?.[1] ?? 0)
    if (port > 0) break
  }
  const remote = {
    url: `http://127.0.0.1:${port}`,
    port,
    accessKeyId: "AKIDLOCAL",
    secretAccessKey: "secret",
  }
  const client = sdk({ ...(await server()), ...remote, region: "us-east-1" })
  const answered = new Map<string, number>()
  const writers = Array.from({ length: 8 }, async (_, writer) => {
    for (let round = 0; ; round++) {
      const size = [1000, 200_000, 300_000][round % 3] ?? 0
      const Key = `${writer}/${round}`
      await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: bytes(size, round + 1) }))
      answered.set(Key, round)
      if (answered.size === 60) child.kill("SIGKILL")
    }
  })
  const exit = once(child, "exit")
  await Promise.allSettled(writers)
  await exit
  expect(answered.size).toBeGreaterThanOrEqual(60)

  const again = sdk(await server({ dir, buckets: [] }))
  const { Contents = [] } = await again.send(new ListObjectsV2Command({ Bucket: bucket }))
  const keys = new Set(Contents.map(({ Key = "" }) => Key))
  for (const key of answered.keys()) expect(keys).toContain(key)
  for (const Key of keys) {
    const round = Number(Key.split("/")[1])
    const got = await again.send(new GetObjectCommand({ Bucket: bucket, Key }))
    const size = [1000, 200_000, 300_000][round % 3] ?? 0
    expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(bytes(size, round + 1))).toBe(
      true,
    )
  }
})

test("a directory can't be used where a file is, and the reason is told", async () => {
  const file = join(directory(), "file")
  writeFileSync(file, "")
  expect(await fresh({ dir: file }).catch((error: Error) => error.message)).toMatch(/ENOTDIR|EEXIST/)
})
