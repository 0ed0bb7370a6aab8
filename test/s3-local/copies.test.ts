import { createHash } from "node:crypto"
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  type CopyObjectCommandInput,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3"
import { expect, test } from "vitest"
import { bucket, bytes, refusal, sdk, server } from "./support.ts"

const from = { Bucket: bucket, Key: "from ü/+" }
const to = { Bucket: bucket, Key: "to" }
const CopySource = encodeURI(`${bucket}/from ü/`) + encodeURIComponent("+")

async function withSource() {
  const client = sdk(await server())
  const put = await client.send(
    new PutObjectCommand({
      ...from,
      Body: "hello",
      ContentType: "text/plain",
      CacheControl: "no-store",
      Metadata: { a: "1" },
      Tagging: "t=1",
      ChecksumAlgorithm: "SHA256",
    }),
  )
  return { client, etag: put.ETag ?? "" }
}

const copy = (client: S3Client, options: Partial<CopyObjectCommandInput> = {}) =>
  client.send(new CopyObjectCommand({ ...to, CopySource, ...options }))

test("COPY keeps headers, metadata, tags, ETag and checksum", async () => {
  const { client, etag } = await withSource()
  const done = await copy(client)
  expect(done.CopyObjectResult).toMatchObject({ ETag: etag, ChecksumSHA256: expect.any(String) })
  const head = await client.send(new HeadObjectCommand({ ...to, ChecksumMode: "ENABLED" }))
  expect(head).toMatchObject({
    ETag: etag,
    ContentType: "text/plain",
    CacheControl: "no-store",
    Metadata: { a: "1" },
    TagCount: 1,
    ChecksumSHA256: done.CopyObjectResult?.ChecksumSHA256,
  })
})

test("REPLACE takes headers and metadata from the request, and tags by a directive of their own", async () => {
  const { client } = await withSource()
  await copy(client, { MetadataDirective: "REPLACE", ContentType: "image/png", Metadata: { b: "2" } })
  const head = await client.send(new HeadObjectCommand(to))
  expect(head).toMatchObject({ ContentType: "image/png", Metadata: { b: "2" }, TagCount: 1 })
  expect(head.CacheControl).toBeUndefined()
  await copy(client, { TaggingDirective: "REPLACE", Tagging: "x=1&y=2" })
  expect((await client.send(new HeadObjectCommand(to))).TagCount).toBe(2)
})

test("a copy may have its checksum taken anew", async () => {
  const { client } = await withSource()
  const done = await copy(client, { ChecksumAlgorithm: "CRC32C" })
  expect(done.CopyObjectResult?.ChecksumCRC32C).toBe("mnG7TA==")
})

test("the source's conditions are checked: 412 where one does not hold", async () => {
  const { client, etag } = await withSource()
  const failed = { status: 412, code: "PreconditionFailed" }
  const [past, future] = [new Date(0), new Date(Date.now() + 86_400_000)]
  expect(await refusal(copy(client, { CopySourceIfMatch: '"abc"' }))).toEqual(failed)
  expect(await refusal(copy(client, { CopySourceIfNoneMatch: etag }))).toEqual(failed)
  expect(await refusal(copy(client, { CopySourceIfNoneMatch: etag.replaceAll('"', "") }))).toEqual(failed)
  expect(await refusal(copy(client, { CopySourceIfUnmodifiedSince: past }))).toEqual(failed)
  expect(await refusal(client.send(new HeadObjectCommand(to)))).toMatchObject({ status: 404 })
  await copy(client, { CopySourceIfModifiedSince: future })
  await copy(client, { CopySourceIfMatch: etag, CopySourceIfUnmodifiedSince: past })
  await copy(client, { CopySourceIfNoneMatch: '"abc"', CopySourceIfModifiedSince: past })
})

test("an unchanged source is not copied again with If-Modified-Since", async () => {
  let now = Date.parse("2026-11-24T12:00:00Z")
  const s3 = await server({ now: () => now })
  const client = sdk(s3, { systemClockOffset: now - Date.now() })
  await client.send(new PutObjectCommand({ ...from, Body: "x" }))
  const since = new Date(now)
  now += 10_000
  expect(await refusal(copy(client, { CopySourceIfModifiedSince: since }))).toMatchObject({ status: 412 })
  await copy(client, { CopySourceIfModifiedSince: new Date(since.getTime() - 1000) })
})

test("the destination's conditions are checked too", async () => {
  const { client, etag } = await withSource()
  await copy(client, { IfNoneMatch: "*" })
  const failed = { status: 412, code: "PreconditionFailed" }
  expect(await refusal(copy(client, { IfNoneMatch: "*" }))).toEqual(failed)
  expect(await refusal(copy(client, { IfMatch: '"abc"' }))).toEqual(failed)
  await copy(client, { IfMatch: etag })
})

test("an object can't be copied onto itself unless something changes", async () => {
  const { client } = await withSource()
  const onto = { ...from, CopySource }
  const itself = client.send(new CopyObjectCommand(onto))
  expect(await refusal(itself)).toEqual({ status: 400, code: "InvalidRequest" })
  await client.send(new CopyObjectCommand({ ...onto, MetadataDirective: "REPLACE", Metadata: { c: "3" } }))
  const got = await client.send(new GetObjectCommand(from))
  expect(got.Metadata).toEqual({ c: "3" })
  expect(await got.Body?.transformToString()).toBe("hello")
})

test("a source that is not there is told apart from a bucket that is not there", async () => {
  const { client } = await withSource()
  expect(await refusal(copy(client, { CopySource: `${bucket}/no` }))).toEqual({
    status: 404,
    code: "NoSuchKey",
  })
  expect(await refusal(copy(client, { CopySource: "nowhere/no" }))).toEqual({
    status: 404,
    code: "NoSuchBucket",
  })
  expect(await refusal(copy(client, { CopySource: "nonsense" }))).toEqual({
    status: 400,
    code: "InvalidArgument",
  })
})

test("a copy outlives its source", async () => {
  const { client } = await withSource()
  await copy(client)
  await client.send(new PutObjectCommand({ ...from, Body: "other" }))
  expect(await (await client.send(new GetObjectCommand(to))).Body?.transformToString()).toBe("hello")
})

test("parts are copied by range, and the copy of an object in parts is whole: its ETag is an MD5", async () => {
  const client = sdk(await server(), { requestChecksumCalculation: "WHEN_REQUIRED" })
  const body = bytes(6 * 1024 ** 2)
  await client.send(new PutObjectCommand({ ...from, Body: body }))
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(to))
  const copied = await client.send(
    new UploadPartCopyCommand({
      ...to,
      UploadId,
      PartNumber: 1,
      CopySource,
      CopySourceRange: `bytes=0-${5 * 1024 ** 2 - 1}`,
    }),
  )
  const sent = await client.send(
    new UploadPartCommand({ ...to, UploadId, PartNumber: 2, Body: body.subarray(5 * 1024 ** 2) }),
  )
  const Parts = [copied.CopyPartResult, sent].map((part, index) => ({
    PartNumber: index + 1,
    ETag: part?.ETag,
  }))
  const done = await client.send(
    new CompleteMultipartUploadCommand({ ...to, UploadId, MultipartUpload: { Parts } }),
  )
  expect(done.ETag).toMatch(/-2"$/)
  const whole = await client.send(
    new CopyObjectCommand({ Bucket: bucket, Key: "whole", CopySource: `${bucket}/to` }),
  )
  expect(whole.CopyObjectResult?.ETag).toBe(`"${createHash("md5").update(body).digest("hex")}"`)
})

test.for(["bytes=0-99", "bytes=5-4", "bytes=0-", "0-1"])(
  "a part can't be copied from %s of five bytes",
  async (CopySourceRange) => {
    const { client } = await withSource()
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(to))
    const call = client.send(
      new UploadPartCopyCommand({ ...to, UploadId, PartNumber: 1, CopySource, CopySourceRange }),
    )
    expect(await refusal(call)).toEqual({ status: 400, code: "InvalidArgument" })
  },
)
