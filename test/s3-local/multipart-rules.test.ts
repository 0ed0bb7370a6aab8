import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  type CompleteMultipartUploadCommandInput,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3"
import { expect, test } from "vitest"
import { bucket, bytes, refusal, sdk, server } from "./support.ts"

const at = { Bucket: bucket, Key: "large" }
const five = bytes(5 * 1024 ** 2)
const required = { requestChecksumCalculation: "WHEN_REQUIRED" } as const

/** A client that adds no checksums by itself, and an upload begun with it. */
async function begin(options: { ChecksumAlgorithm?: "SHA256" | "CRC32" | "CRC64NVME" } = {}) {
  const s3 = await server()
  const client = sdk(s3, required)
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...at, ...options }))
  if (!UploadId) throw new Error("No upload id.")
  return { s3, client, UploadId }
}

async function part(
  client: S3Client,
  UploadId: string,
  PartNumber: number,
  Body: Buffer | string,
): Promise<CompletedPart> {
  const { ETag } = await client.send(new UploadPartCommand({ ...at, UploadId, PartNumber, Body }))
  return { PartNumber, ETag }
}

const complete = (
  client: S3Client,
  UploadId: string,
  Parts: CompletedPart[],
  more: Partial<CompleteMultipartUploadCommandInput> = {},
) => client.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts }, ...more }))

test("a part that is too small, unless it is the last, is EntityTooSmall", async () => {
  const { client, UploadId } = await begin()
  const parts = [await part(client, UploadId, 1, "small"), await part(client, UploadId, 2, "last")]
  expect(await refusal(complete(client, UploadId, parts))).toEqual({ status: 400, code: "EntityTooSmall" })
  await complete(client, UploadId, parts.slice(0, 1))
})

test("parts out of order or twice are InvalidPartOrder; absent or with another ETag, InvalidPart", async () => {
  const { client, UploadId } = await begin()
  const [one, two] = [await part(client, UploadId, 1, five), await part(client, UploadId, 2, "last")]
  const order = { status: 400, code: "InvalidPartOrder" }
  expect(await refusal(complete(client, UploadId, [two, one]))).toEqual(order)
  expect(await refusal(complete(client, UploadId, [one, one]))).toEqual(order)
  const invalid = { status: 400, code: "InvalidPart" }
  expect(await refusal(complete(client, UploadId, [one, { ...two, PartNumber: 3 }]))).toEqual(invalid)
  expect(await refusal(complete(client, UploadId, [{ ...one, ETag: two.ETag }]))).toEqual(invalid)
  const { ETag } = await complete(client, UploadId, [one, two])
  expect(ETag).toMatch(/-2"$/)
})

test("parts may have gaps in their numbers, be left out, and be sent again", async () => {
  const { client, UploadId } = await begin()
  const one = await part(client, UploadId, 10, "first try")
  await part(client, UploadId, 11, "left out")
  const again = await part(client, UploadId, 10, five)
  const last = await part(client, UploadId, 10_000, "end")
  expect(await refusal(complete(client, UploadId, [one, last]))).toMatchObject({ code: "InvalidPart" })
  await complete(client, UploadId, [again, last])
  const got = await client.send(new GetObjectCommand(at))
  const body = Buffer.from((await got.Body?.transformToByteArray()) ?? [])
  expect(body.equals(Buffer.concat([five, Buffer.from("end")]))).toBe(true)
})

test.for([0, 10_001, -1, 1.5])("part number %d is InvalidArgument", async (PartNumber) => {
  const { client, UploadId } = await begin()
  const call = client.send(new UploadPartCommand({ ...at, UploadId, PartNumber, Body: "x" }))
  expect(await refusal(call)).toEqual({ status: 400, code: "InvalidArgument" })
})

test("an upload is gone once completed or aborted, and unknown under another key", async () => {
  const { client, UploadId } = await begin()
  const gone = { status: 404, code: "NoSuchUpload" }
  const parts = [await part(client, UploadId, 1, "x")]
  const elsewhere = client.send(
    new UploadPartCommand({ ...at, Key: "other", UploadId, PartNumber: 1, Body: "x" }),
  )
  expect(await refusal(elsewhere)).toEqual(gone)
  await complete(client, UploadId, parts)
  expect(await refusal(complete(client, UploadId, parts))).toEqual(gone)
  expect(await refusal(client.send(new AbortMultipartUploadCommand({ ...at, UploadId })))).toEqual(gone)
  const second = await client.send(new CreateMultipartUploadCommand(at))
  await client.send(new AbortMultipartUploadCommand({ ...at, UploadId: second.UploadId }))
  expect(await refusal(part(client, second.UploadId ?? "", 1, "x"))).toEqual(gone)
  expect(await refusal(client.send(new ListPartsCommand({ ...at, UploadId: second.UploadId })))).toEqual(gone)
})

test("nothing is to be seen of an upload before it is completed", async () => {
  const { client, UploadId } = await begin()
  await part(client, UploadId, 1, "x")
  expect(await refusal(client.send(new HeadObjectCommand(at)))).toMatchObject({ status: 404 })
})

test("the object has the headers and metadata that the upload began with", async () => {
  const client = sdk(await server())
  const { UploadId } = await client.send(
    new CreateMultipartUploadCommand({
      ...at,
      ContentType: "image/png",
      Metadata: { a: "1" },
      Tagging: "t=1",
    }),
  )
  await complete(client, UploadId ?? "", [await part(client, UploadId ?? "", 1, "x")])
  const head = await client.send(new HeadObjectCommand(at))
  expect(head).toMatchObject({ ContentType: "image/png", Metadata: { a: "1" }, TagCount: 1 })
})

test("SHA-256 is composite: each part needs its own, at its upload and at the end", async () => {
  const { client, UploadId } = await begin({ ChecksumAlgorithm: "SHA256" })
  const bare = client.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: five }))
  expect(await refusal(bare)).toEqual({ status: 400, code: "InvalidRequest" })
  const send = (PartNumber: number, Body: Buffer) =>
    client.send(new UploadPartCommand({ ...at, UploadId, PartNumber, Body, ChecksumAlgorithm: "SHA256" }))
  const [one, two] = [await send(1, five), await send(2, Buffer.from("end"))]
  const parts = [one, two].map(({ ETag, ChecksumSHA256 }, index) => ({
    PartNumber: index + 1,
    ETag,
    ChecksumSHA256,
  }))
  const without = parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag }))
  expect(await refusal(complete(client, UploadId, without))).toMatchObject({ code: "InvalidRequest" })
  const swapped = parts.map((each) => ({ ...each, ChecksumSHA256: one.ChecksumSHA256 }))
  expect(await refusal(complete(client, UploadId, swapped))).toMatchObject({ code: "InvalidPart" })
  const done = await complete(client, UploadId, parts)
  expect(done).toMatchObject({ ChecksumType: "COMPOSITE", ChecksumSHA256: expect.stringMatching(/=-2$/) })
  const second = await client.send(new GetObjectCommand({ ...at, PartNumber: 2, ChecksumMode: "ENABLED" }))
  expect(second).toMatchObject({ PartsCount: 2, ContentLength: 3, ChecksumSHA256: two.ChecksumSHA256 })
  const { Checksum, ObjectParts, ETag } = await client.send(
    new GetObjectAttributesCommand({ ...at, ObjectAttributes: ["ETag", "Checksum", "ObjectParts"] }),
  )
  expect(ETag).toMatch(/^[0-9a-f]{32}-2$/)
  expect(Checksum?.ChecksumSHA256).toBe(done.ChecksumSHA256?.replace("-2", ""))
  expect(ObjectParts).toMatchObject({ TotalPartsCount: 2, Parts: [{ Size: five.length }, { Size: 3 }] })
})

test("composite parts with a gap in their numbers are a 500, as S3 documents it", async () => {
  const { client, UploadId } = await begin({ ChecksumAlgorithm: "SHA256" })
  const { ETag, ChecksumSHA256 } = await client.send(
    new UploadPartCommand({ ...at, UploadId, PartNumber: 2, Body: "x", ChecksumAlgorithm: "SHA256" }),
  )
  const gap = complete(client, UploadId, [{ PartNumber: 2, ETag, ChecksumSHA256 }])
  expect(await refusal(gap)).toEqual({ status: 500, code: "InternalError" })
})

test("a part whose checksum is of another algorithm than the upload's is refused", async () => {
  const { client, UploadId } = await begin({ ChecksumAlgorithm: "CRC64NVME" })
  const call = client.send(
    new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: "x", ChecksumAlgorithm: "CRC32" }),
  )
  expect(await refusal(call)).toEqual({ status: 400, code: "InvalidRequest" })
})

test("an upload without an algorithm checks what a part brings, and has CRC64NVME in the end", async () => {
  const { client, UploadId } = await begin()
  const send = (ChecksumCRC32: string) =>
    client.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: "123456789", ChecksumCRC32 }))
  expect(await refusal(send("AAAAAA=="))).toEqual({ status: 400, code: "BadDigest" })
  const { ETag, ChecksumCRC32 } = await send("y/Q5Jg==")
  expect(ChecksumCRC32).toBe("y/Q5Jg==")
  const named = complete(client, UploadId, [{ PartNumber: 1, ETag, ChecksumCRC32 }])
  expect(await refusal(named)).toMatchObject({ code: "InvalidPart" })
  const done = await complete(client, UploadId, [{ PartNumber: 1, ETag }], {
    ChecksumCRC64NVME: "AAAAAAAAAAA=",
  })
  expect(done).toMatchObject({ ChecksumCRC64NVME: "rosUhgp5mIg=", ChecksumType: "FULL_OBJECT" })
})

test("a full-object checksum is believed only with its type, and only if it is right", async () => {
  const { client, UploadId } = await begin({ ChecksumAlgorithm: "CRC64NVME" })
  const parts = [await part(client, UploadId, 1, "123456789")]
  const right = { ChecksumCRC64NVME: "rosUhgp5mIg=" }
  const type = { ChecksumType: "FULL_OBJECT" } as const
  const bad = { status: 400, code: "BadDigest" }
  expect(await refusal(complete(client, UploadId, parts, right))).toEqual(bad)
  expect(
    await refusal(complete(client, UploadId, parts, { ...type, ChecksumCRC64NVME: "AAAAAAAAAAA=" })),
  ).toEqual(bad)
  expect(await refusal(complete(client, UploadId, parts, { ...type, ChecksumCRC32: "AAAAAA==" }))).toEqual(
    bad,
  )
  const size = complete(client, UploadId, parts, { MpuObjectSize: 10 })
  expect(await refusal(size)).toEqual({ status: 400, code: "InvalidRequest" })
  const done = await complete(client, UploadId, parts, { ...right, ...type, MpuObjectSize: 9 })
  expect(done).toMatchObject({ ...right, ...type })
})

test.for([
  { ChecksumAlgorithm: "SHA256", ChecksumType: "FULL_OBJECT" },
  { ChecksumAlgorithm: "SHA1", ChecksumType: "FULL_OBJECT" },
  { ChecksumAlgorithm: "CRC64NVME", ChecksumType: "COMPOSITE" },
] as const)("$ChecksumAlgorithm can't be $ChecksumType", async (integrity) => {
  const client = sdk(await server())
  const call = client.send(new CreateMultipartUploadCommand({ ...at, ...integrity }))
  expect(await refusal(call)).toEqual({ status: 400, code: "InvalidRequest" })
})

test("If-None-Match and If-Match decide at the completion; a write in between is a conflict", async () => {
  const { client, UploadId } = await begin()
  const parts = [await part(client, UploadId, 1, "x")]
  const { ETag } = await client.send(new PutObjectCommand({ ...at, Body: "meanwhile" }))
  const none = complete(client, UploadId, parts, { IfNoneMatch: "*" })
  expect(await refusal(none)).toEqual({ status: 412, code: "PreconditionFailed" })
  const other = complete(client, UploadId, parts, { IfMatch: '"abc"' })
  expect(await refusal(other)).toEqual({ status: 412, code: "PreconditionFailed" })
  const conflict = { status: 409, code: "ConditionalRequestConflict" }
  expect(await refusal(complete(client, UploadId, parts, { IfMatch: ETag }))).toEqual(conflict)
  await client.send(new DeleteObjectCommand(at))
  expect(await refusal(complete(client, UploadId, parts, { IfNoneMatch: "*" }))).toEqual(conflict)
  const again = await client.send(new CreateMultipartUploadCommand(at))
  const fresh = [await part(client, again.UploadId ?? "", 1, "x")]
  await complete(client, again.UploadId ?? "", fresh, { IfNoneMatch: "*" })
})

test("of 8 uploads completed with If-None-Match at once, exactly one wins", async () => {
  const client = sdk(await server(), required)
  const uploads = await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      const { UploadId = "" } = await client.send(new CreateMultipartUploadCommand(at))
      return { UploadId, parts: [await part(client, UploadId, 1, `writer ${index}`)] }
    }),
  )
  const outcomes = await Promise.all(
    uploads.map(({ UploadId, parts }) =>
      complete(client, UploadId, parts, { IfNoneMatch: "*" }).then(
        () => "won",
        (error: Error) => error.name,
      ),
    ),
  )
  expect(outcomes.filter((outcome) => outcome === "won")).toHaveLength(1)
  expect(outcomes.filter((outcome) => outcome === "PreconditionFailed")).toHaveLength(7)
})

test("parts are listed in order, in pages, with sizes and ETags", async () => {
  const { client, UploadId } = await begin()
  for (const number of [3, 1, 2]) await part(client, UploadId, number, "x".repeat(number))
  const first = await client.send(new ListPartsCommand({ ...at, UploadId, MaxParts: 2 }))
  expect(first).toMatchObject({ IsTruncated: true, NextPartNumberMarker: "2" })
  expect(first.Parts?.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
    [1, 1],
    [2, 2],
  ])
  const rest = await client.send(
    new ListPartsCommand({ ...at, UploadId, PartNumberMarker: first.NextPartNumberMarker }),
  )
  expect(rest).toMatchObject({ IsTruncated: false, Parts: [{ PartNumber: 3, Size: 3 }] })
})

test("uploads are listed by key and time, in pages, with prefix and delimiter", async () => {
  const client = sdk(await server())
  for (const Key of ["b", "a/1", "a/2", "a/1", "c"])
    await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key }))
  const keys: string[] = []
  let markers = {}
  for (let page = 0; page < 10; page++) {
    const listed = await client.send(
      new ListMultipartUploadsCommand({ Bucket: bucket, MaxUploads: 2, ...markers }),
    )
    keys.push(...(listed.Uploads ?? []).map(({ Key }) => Key ?? ""))
    if (!listed.IsTruncated) break
    markers = { KeyMarker: listed.NextKeyMarker, UploadIdMarker: listed.NextUploadIdMarker }
  }
  expect(keys).toEqual(["a/1", "a/1", "a/2", "b", "c"])
  const folded = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Delimiter: "/" }))
  expect(folded.CommonPrefixes).toEqual([{ Prefix: "a/" }])
  expect(folded.Uploads?.map(({ Key }) => Key)).toEqual(["b", "c"])
  const below = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: "a/" }))
  expect(below.Uploads).toHaveLength(3)
})
