import { createHash } from "node:crypto"
import { Readable } from "node:stream"
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3"
import { expect, test } from "vitest"
import { bucket, bytes, refusal, sdk, server } from "./support.ts"

const settings = ["WHEN_SUPPORTED", "WHEN_REQUIRED"] as const

test.for(settings)(
  "the SDK (%s) reads back what it put, with its headers and metadata",
  async (checksums) => {
    const client = sdk(await server(), {
      requestChecksumCalculation: checksums,
      responseChecksumValidation: checksums,
    })
    const body = bytes(100_000)
    const put = await client.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: "a/ü 1+2.jpg",
        Body: body,
        ContentType: "image/jpeg",
        CacheControl: "max-age=60",
        ContentDisposition: 'attachment; filename="a.jpg"',
        ContentEncoding: "identity",
        ContentLanguage: "pt-BR",
        Metadata: { mtime: "1700000000.5", owner: "ana" },
      }),
    )
    const etag = `"${createHash("md5").update(body).digest("hex")}"`
    expect(put.ETag).toBe(etag)
    const got = await client.send(new GetObjectCommand({ Bucket: bucket, Key: "a/ü 1+2.jpg" }))
    expect(Buffer.from((await got.Body?.transformToByteArray()) ?? [])).toEqual(body)
    expect(got).toMatchObject({
      ETag: etag,
      ContentType: "image/jpeg",
      CacheControl: "max-age=60",
      ContentDisposition: 'attachment; filename="a.jpg"',
      ContentEncoding: "identity",
      ContentLanguage: "pt-BR",
      ContentLength: body.length,
      Metadata: { mtime: "1700000000.5", owner: "ana" },
    })
  },
)

test.for(settings)(
  "a streamed put (%s) stores the bytes, not the framing of aws-chunked",
  async (checksums) => {
    const client = sdk(await server(), { requestChecksumCalculation: checksums })
    const body = bytes(300_000)
    const pieces = [body.subarray(0, 70_001), body.subarray(70_001)]
    await client.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: "streamed",
        Body: Readable.from(pieces),
        ContentLength: body.length,
        ContentEncoding: "gzip",
      }),
    )
    const got = await client.send(new GetObjectCommand({ Bucket: bucket, Key: "streamed" }))
    expect(Buffer.from((await got.Body?.transformToByteArray()) ?? [])).toEqual(body)
    expect(got.ContentEncoding).toBe("gzip")
  },
)

test("a copy has the bytes, the metadata and the checksum of its source", async () => {
  const client = sdk(await server())
  await client.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: "from",
      Body: "hello",
      Metadata: { a: "1" },
      ContentType: "text/plain",
    }),
  )
  await client.send(new CopyObjectCommand({ Bucket: bucket, Key: "to", CopySource: `${bucket}/from` }))
  const head = await client.send(
    new HeadObjectCommand({ Bucket: bucket, Key: "to", ChecksumMode: "ENABLED" }),
  )
  expect(head).toMatchObject({
    ContentType: "text/plain",
    Metadata: { a: "1" },
    ContentLength: 5,
    ChecksumCRC32: "NhCmhg==",
  })
})

test("a deleted object is gone, and deleting it again is no error", async () => {
  const client = sdk(await server())
  const at = { Bucket: bucket, Key: "x" }
  await client.send(new PutObjectCommand({ ...at, Body: "x" }))
  await client.send(new DeleteObjectCommand(at))
  expect(await refusal(client.send(new GetObjectCommand(at)))).toEqual({ status: 404, code: "NoSuchKey" })
  expect(await refusal(client.send(new HeadObjectCommand(at)))).toEqual({ status: 404, code: "NotFound" })
  await client.send(new DeleteObjectCommand(at))
})

test("of 32 who put with If-None-Match, exactly one wins", async () => {
  const client = sdk(await server())
  const puts = Array.from({ length: 32 }, (_, at) =>
    client
      .send(new PutObjectCommand({ Bucket: bucket, Key: "one", Body: `writer ${at}`, IfNoneMatch: "*" }))
      .then(
        () => "won",
        (error: Error) => error.name,
      ),
  )
  const outcomes = await Promise.all(puts)
  expect(outcomes.filter((outcome) => outcome === "won")).toHaveLength(1)
  expect(outcomes.filter((outcome) => outcome === "PreconditionFailed")).toHaveLength(31)
})

test("of 32 who put with the same If-Match, exactly one wins", async () => {
  const client = sdk(await server())
  const { ETag } = await client.send(new PutObjectCommand({ Bucket: bucket, Key: "one", Body: "before" }))
  const puts = Array.from({ length: 32 }, (_, at) =>
    client
      .send(new PutObjectCommand({ Bucket: bucket, Key: "one", Body: `writer ${at}`, IfMatch: ETag }))
      .then(
        () => "won",
        (error: Error) => error.name,
      ),
  )
  const outcomes = await Promise.all(puts)
  expect(outcomes.filter((outcome) => outcome === "won")).toHaveLength(1)
  expect(outcomes.filter((outcome) => outcome === "PreconditionFailed")).toHaveLength(31)
})

test("If-Match on a key without an object is NoSuchKey", async () => {
  const client = sdk(await server())
  const put = client.send(new PutObjectCommand({ Bucket: bucket, Key: "no", Body: "x", IfMatch: '"abc"' }))
  expect(await refusal(put)).toEqual({ status: 404, code: "NoSuchKey" })
})
