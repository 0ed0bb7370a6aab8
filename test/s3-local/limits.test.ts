import { createHash, createHmac } from "node:crypto"
import {
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from "@aws-sdk/client-s3"
import { expect, test } from "vitest"
import { send, sendSigned } from "./raw.ts"
import { bucket, refusal, sdk, server } from "./support.ts"

const x = { Bucket: bucket, Key: "x" }

test("a key may have 1,024 bytes of UTF-8, and not one more", async () => {
  const client = sdk(await server())
  const longest = `${"é".repeat(511)}ab`
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: longest, Body: "x" }))
  await client.send(new GetObjectCommand({ Bucket: bucket, Key: longest }))
  const put = client.send(new PutObjectCommand({ Bucket: bucket, Key: `${longest}c`, Body: "x" }))
  expect(await refusal(put)).toEqual({ status: 400, code: "KeyTooLongError" })
})

test.for([
  "x",
  "x/y",
  "a//b",
  "/",
  "//",
  ".",
  "..",
  "a/../b",
  "ü",
  "🦊",
  " ",
  "a+b",
  "a%20b",
  "?",
  "#",
  "a\nb",
])("the key %j is a key like any other", async (Key) => {
  const client = sdk(await server())
  await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: Key }))
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: `${Key}!`, Body: "other" }))
  const got = await client.send(new GetObjectCommand({ Bucket: bucket, Key }))
  expect(await got.Body?.transformToString()).toBe(Key)
  const listed = await client.send(new ListObjectsV2Command({ Bucket: bucket, EncodingType: "url" }))
  const keys = listed.Contents?.map((each) => decodeURIComponent((each.Key ?? "").replaceAll("+", " ")))
  expect(keys).toEqual([Key, `${Key}!`])
})

test("metadata may have 2 KB, names and values together", async () => {
  const client = sdk(await server())
  await client.send(new PutObjectCommand({ ...x, Body: "x", Metadata: { abc: "v".repeat(2045) } }))
  const put = client.send(new PutObjectCommand({ ...x, Body: "x", Metadata: { abc: "v".repeat(2046) } }))
  expect(await refusal(put)).toEqual({ status: 400, code: "MetadataTooLarge" })
})

test("metadata beyond ASCII comes back as an encoded word of its bytes, as in AWS's example", async () => {
  const s3 = await server({ now: () => Date.parse("2026-11-24T12:00:00Z") })
  const value = Buffer.from("ÄMÄZÕÑ S3").toString("latin1")
  const names = "host;x-amz-content-sha256;x-amz-date;x-amz-meta-nonascii"
  const canonical = `PUT\n/${bucket}/x\n\nhost:h\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:20261124T120000Z\nx-amz-meta-nonascii:${value}\n\n${names}\nUNSIGNED-PAYLOAD`
  const scope = "20261124/us-east-1/s3/aws4_request"
  const hash = createHash("sha256").update(canonical, "latin1").digest("hex")
  const key = scope
    .split("/")
    .reduce<Buffer | string>(
      (each, part) => createHmac("sha256", each).update(part).digest(),
      `AWS4${s3.secretAccessKey}`,
    )
  const signature = createHmac("sha256", key)
    .update(`AWS4-HMAC-SHA256\n20261124T120000Z\n${scope}\n${hash}`)
    .digest("hex")
  const headers = {
    host: "h",
    "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    "x-amz-date": "20261124T120000Z",
    "x-amz-meta-nonascii": value,
    "content-length": "1",
    authorization: `AWS4-HMAC-SHA256 Credential=${s3.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  }
  expect(await send(s3, { method: "PUT", path: `/${bucket}/x`, headers, body: "x" })).toMatchObject({
    status: 200,
  })
  const got = await sendSigned(s3, { path: `/${bucket}/x` }, { datetime: "20261124T120000Z" })
  expect(got.headers["x-amz-meta-nonascii"]).toBe("=?UTF-8?B?w4PChE3Dg8KEWsODwpXDg8KRIFMz?=")
})

test("all headers together may have 8 KB", async () => {
  const s3 = await server()
  const headers = { "x-amz-acl": "private", "content-language": "l".repeat(8000) }
  expect(await sendSigned(s3, { method: "PUT", path: `/${bucket}/x`, body: "x", headers })).toMatchObject({
    status: 400,
    code: "RequestHeaderSectionTooLarge",
  })
})

test("tags come with the object or later, are counted, and are at most ten", async () => {
  const client = sdk(await server())
  await client.send(new PutObjectCommand({ ...x, Body: "x", Tagging: "a=1&b=two%20words" }))
  const tags = async () => (await client.send(new GetObjectTaggingCommand(x))).TagSet
  expect(await tags()).toEqual([
    { Key: "a", Value: "1" },
    { Key: "b", Value: "two words" },
  ])
  expect((await client.send(new HeadObjectCommand(x))).TagCount).toBe(2)
  const tag = (count: number) => {
    const TagSet = Array.from({ length: count }, (_, at) => ({ Key: `k${at}`, Value: "<&>" }))
    return client.send(new PutObjectTaggingCommand({ ...x, Tagging: { TagSet } }))
  }
  await tag(10)
  expect(await tags()).toHaveLength(10)
  expect(await refusal(tag(11))).toEqual({ status: 400, code: "BadRequest" })
  await client.send(new DeleteObjectTaggingCommand(x))
  expect(await tags()).toEqual([])
  const twice = { TagSet: [1, 2].map(() => ({ Key: "a", Value: "1" })) }
  const put = client.send(new PutObjectTaggingCommand({ ...x, Tagging: twice }))
  expect(await refusal(put)).toEqual({ status: 400, code: "InvalidTag" })
})

test("the attributes that were asked for are told, and no others", async () => {
  const client = sdk(await server())
  await client.send(new PutObjectCommand({ ...x, Body: "hello", ChecksumAlgorithm: "SHA1" }))
  const told = await client.send(
    new GetObjectAttributesCommand({
      ...x,
      ObjectAttributes: ["ETag", "ObjectSize", "Checksum", "ObjectParts"],
    }),
  )
  expect(told).toMatchObject({
    ETag: "5d41402abc4b2a76b9719d911017c592",
    ObjectSize: 5,
    Checksum: { ChecksumSHA1: "qvTGHdzF6KLavt4PO0gs2a6pQ00=", ChecksumType: "FULL_OBJECT" },
  })
  expect(told.ObjectParts).toBeUndefined()
  expect(told.StorageClass).toBeUndefined()
})

test("1,000 keys are deleted at once, each with its own answer; 1,001 are refused", async () => {
  const s3 = await server()
  const client = sdk(s3)
  for (const Key of ["a", "b&c"]) await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: "x" }))
  const remove = (count: number, Quiet = false) => {
    const Objects = ["a", "b&c", ...Array.from({ length: count - 2 }, (_, at) => `none-${at}`)].map(
      (Key) => ({ Key }),
    )
    return client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet } }))
  }
  expect(await refusal(remove(1001))).toEqual({ status: 400, code: "MalformedXML" })
  expect((await remove(1000)).Deleted).toHaveLength(1000)
  expect((await client.send(new ListObjectsV2Command({ Bucket: bucket }))).KeyCount).toBe(0)
  expect((await remove(1000, true)).Deleted).toBeUndefined()
})

test("a batch may name ETags, and a batch without a checksum is refused", async () => {
  const s3 = await server()
  const client = sdk(s3)
  for (const Key of ["a", "b"]) await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: "x" }))
  const Objects = [
    { Key: "a", ETag: '"abc"' },
    { Key: "b", ETag: '"9dd4e461268c8034f5c8564e155c67a6"' },
  ]
  const done = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }))
  expect(done.Errors).toMatchObject([{ Key: "a", Code: "PreconditionFailed" }])
  expect(done.Deleted).toMatchObject([{ Key: "b" }])
  const body = "<Delete><Object><Key>a</Key></Object></Delete>"
  expect(await sendSigned(s3, { method: "POST", path: `/${bucket}?delete`, body })).toMatchObject({
    status: 400,
    code: "InvalidRequest",
  })
})

test.for([
  { name: "x-amz-acl", value: "public-read", status: 400, code: "AccessControlListNotSupported" },
  { name: "x-amz-storage-class", value: "CHEAP", status: 400, code: "InvalidStorageClass" },
  { name: "x-amz-server-side-encryption", value: "aws:kms", status: 501, code: "NotImplemented" },
  { name: "x-amz-object-lock-mode", value: "GOVERNANCE", status: 501, code: "NotImplemented" },
  { name: "x-amz-expected-bucket-owner", value: "123456789012", status: 403, code: "AccessDenied" },
  { name: "if-none-match", value: '"abc"', status: 501, code: "NotImplemented" },
  { name: "if-match", value: "*", status: 501, code: "NotImplemented" },
])("a put with $name: $value is $code", async ({ name, value, status, code }) => {
  const s3 = await server()
  const answer = await sendSigned(s3, {
    method: "PUT",
    path: `/${bucket}/x`,
    body: "x",
    headers: { [name]: value },
  })
  expect(answer).toMatchObject({ status, code })
})

test("a put without a length is MissingContentLength, one beyond 5 GB EntityTooLarge before its body comes", async () => {
  const s3 = await server()
  const put = { method: "PUT", path: `/${bucket}/x` }
  const chunked = await sendSigned(s3, { ...put, body: "x", headers: { "transfer-encoding": "chunked" } })
  expect(chunked).toMatchObject({ status: 411, code: "MissingContentLength" })
  const large = { "content-length": String(5 * 1024 ** 3 + 1), expect: "100-continue" }
  expect(await sendSigned(s3, { ...put, headers: large })).toMatchObject({
    status: 400,
    code: "EntityTooLarge",
  })
})

test("a condition on a delete is checked", async () => {
  const s3 = await server()
  const put = await sendSigned(s3, { method: "PUT", path: `/${bucket}/x`, body: "x" })
  const remove = (ifMatch: string) =>
    sendSigned(s3, { method: "DELETE", path: `/${bucket}/x`, headers: { "if-match": ifMatch } })
  expect(await remove('"abc"')).toMatchObject({ status: 412, code: "PreconditionFailed" })
  expect(await remove(String(put.headers.etag))).toMatchObject({ status: 204 })
  expect(await remove("*")).toMatchObject({ status: 404, code: "NoSuchKey" })
})
