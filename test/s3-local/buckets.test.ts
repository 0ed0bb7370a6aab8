import { Agent } from "node:http"
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from "@aws-sdk/client-s3"
import { expect, test } from "vitest"
import { send, sendSigned } from "./raw.ts"
import { bucket, refusal, sdk, server } from "./support.ts"

test("buckets are made, found, listed and deleted, but not while there is something in them", async () => {
  const client = sdk(await server({ buckets: [] }))
  const b = { Bucket: "other-bucket" }
  expect(await refusal(client.send(new HeadBucketCommand(b)))).toMatchObject({ status: 404 })
  await client.send(new CreateBucketCommand(b))
  await client.send(new CreateBucketCommand(b))
  expect(await client.send(new HeadBucketCommand(b))).toMatchObject({ BucketRegion: "us-east-1" })
  expect((await client.send(new ListBucketsCommand())).Buckets?.map(({ Name }) => Name)).toEqual([
    "other-bucket",
  ])
  await client.send(new PutObjectCommand({ ...b, Key: "x", Body: "x" }))
  const full = { status: 409, code: "BucketNotEmpty" }
  expect(await refusal(client.send(new DeleteBucketCommand(b)))).toEqual(full)
  await client.send(new DeleteObjectCommand({ ...b, Key: "x" }))
  await client.send(new DeleteBucketCommand(b))
  const gone = { status: 404, code: "NoSuchBucket" }
  expect(await refusal(client.send(new PutObjectCommand({ ...b, Key: "x", Body: "x" })))).toEqual(gone)
  expect(await refusal(client.send(new GetObjectCommand({ ...b, Key: "x" })))).toEqual(gone)
})

test("outside of us-east-1 the region must be named, and a bucket is made once", async () => {
  const s3 = await server({ region: "eu-west-1", buckets: [] })
  const client = sdk(s3)
  const named = (LocationConstraint: "eu-west-1" | "us-west-2") =>
    client.send(new CreateBucketCommand({ Bucket: "abc", CreateBucketConfiguration: { LocationConstraint } }))
  const illegal = { status: 400, code: "IllegalLocationConstraintException" }
  expect(await sendSigned(s3, { method: "PUT", path: "/abc" })).toMatchObject(illegal)
  expect(await refusal(named("us-west-2"))).toEqual(illegal)
  await named("eu-west-1")
  expect(await refusal(named("eu-west-1"))).toEqual({ status: 409, code: "BucketAlreadyOwnedByYou" })
  const where = await client.send(new GetBucketLocationCommand({ Bucket: "abc" }))
  expect(where.LocationConstraint).toBe("eu-west-1")
})

test.for([
  "ab",
  "A-bucket",
  "a_b",
  "-ab",
  "ab.",
  "a..b",
  "192.168.5.4",
  "xn--abc",
  "a".repeat(64),
  "abc-s3alias",
])("a bucket can't be named %s", async (name) => {
  const s3 = await server()
  expect(await sendSigned(s3, { method: "PUT", path: `/${name}` })).toMatchObject({
    status: 400,
    code: "InvalidBucketName",
  })
})

test("a bucket in the host name is the same bucket", async () => {
  const s3 = await server()
  const lookup: NonNullable<ConstructorParameters<typeof Agent>[0]>["lookup"] = (_, options, done) =>
    options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4)
  const client = sdk(s3, {
    endpoint: `http://localhost:${s3.port}`,
    forcePathStyle: false,
    requestHandler: { httpAgent: new Agent({ lookup }) },
  })
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: "a/b c.txt", Body: "hello" }))
  const listed = await client.send(new ListObjectsV2Command({ Bucket: bucket }))
  expect(listed.Contents?.map(({ Key }) => Key)).toEqual(["a/b c.txt"])
  expect(s3.requests).toMatchObject([
    { operation: "PutObject", bucket, key: "a/b c.txt", status: 200 },
    { operation: "ListObjectsV2", bucket, status: 200 },
  ])
  const byPath = await sdk(s3).send(new GetObjectCommand({ Bucket: bucket, Key: "a/b c.txt" }))
  expect(await byPath.Body?.transformToString()).toBe("hello")
})

test.for([
  { method: "GET", path: `/${bucket}?acl`, status: 501, code: "NotImplemented" },
  { method: "PUT", path: `/${bucket}?versioning`, status: 501, code: "NotImplemented" },
  { method: "PATCH", path: `/${bucket}/x`, status: 405, code: "MethodNotAllowed" },
  { method: "POST", path: `/${bucket}/x`, status: 405, code: "MethodNotAllowed" },
  { method: "GET", path: `/${bucket}/%ff`, status: 400, code: "InvalidURI" },
  { method: "GET", path: `/${bucket}/%`, status: 400, code: "InvalidURI" },
])("$method $path is $code", async ({ method, path, status, code }) => {
  const s3 = await server()
  expect(await send(s3, { method, path })).toMatchObject({ status, code })
})

test("requests are recorded and counted by operation", async () => {
  const s3 = await server()
  const client = sdk(s3)
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: "x", Body: "x" }))
  await refusal(client.send(new GetObjectCommand({ Bucket: bucket, Key: "y" })))
  expect(s3.requests).toEqual([
    { method: "PUT", operation: "PutObject", bucket, key: "x", status: 200 },
    { method: "GET", operation: "GetObject", bucket, key: "y", status: 404 },
  ])
  expect(s3.stats()).toEqual({ PutObject: 1, GetObject: 1 })
})

test("an error is S3's XML, with what it is about", async () => {
  const s3 = await server()
  const answer = await sendSigned(s3, { path: `/${bucket}/a%26b` })
  expect(answer.headers["content-type"]).toBe("application/xml")
  expect(answer.headers["x-amz-request-id"]).toMatch(/^[0-9A-F]{16}$/)
  expect(answer.body.toString()).toMatch(
    /^<\?xml version="1.0" encoding="UTF-8"\?>\n<Error><Code>NoSuchKey<\/Code><Message>The specified key does not exist.<\/Message><Key>a&amp;b<\/Key><Resource>\/photos\/a&amp;b<\/Resource><RequestId>[0-9A-F]{16}<\/RequestId>/,
  )
})
