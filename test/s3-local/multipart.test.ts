import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3"
import { expect, test } from "vitest"
import { hasherOf } from "../../packages/s3-local/src/checksums/algorithms.ts"
import { bucket, bytes, sdk, server } from "./support.ts"

const mebibyte = 1024 ** 2

test.for([
  { ChecksumAlgorithm: "CRC64NVME", ChecksumType: "FULL_OBJECT" },
  { ChecksumAlgorithm: "CRC32", ChecksumType: "FULL_OBJECT" },
  { ChecksumAlgorithm: "CRC32C", ChecksumType: "FULL_OBJECT" },
] as const)(
  "an upload in parts with $ChecksumAlgorithm has the checksum of the whole object",
  async (integrity) => {
    const client = sdk(await server())
    const body = bytes(11 * mebibyte)
    const at = { Bucket: bucket, Key: "large" }
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...at, ...integrity }))
    const pieces = [
      body.subarray(0, 5 * mebibyte),
      body.subarray(5 * mebibyte, 10 * mebibyte),
      body.subarray(10 * mebibyte),
    ]
    const parts = []
    for (const [index, Body] of pieces.entries()) {
      const PartNumber = index + 1
      const { ETag } = await client.send(
        new UploadPartCommand({
          ...at,
          UploadId,
          PartNumber,
          Body,
          ChecksumAlgorithm: integrity.ChecksumAlgorithm,
        }),
      )
      parts.push({ ETag, PartNumber })
    }
    const hasher = hasherOf(integrity.ChecksumAlgorithm)
    hasher.update(body)
    const whole = hasher.digest().toString("base64")
    const done = await client.send(
      new CompleteMultipartUploadCommand({
        ...at,
        UploadId,
        MultipartUpload: { Parts: parts },
        ChecksumType: integrity.ChecksumType,
        [`Checksum${integrity.ChecksumAlgorithm}`]: whole,
      }),
    )
    expect(done.ETag).toMatch(/^"[0-9a-f]{32}-3"$/)
    const head = await client.send(new HeadObjectCommand({ ...at, ChecksumMode: "ENABLED" }))
    expect(head).toMatchObject({
      ChecksumType: "FULL_OBJECT",
      [`Checksum${integrity.ChecksumAlgorithm}`]: whole,
    })
    const got = await client.send(new GetObjectCommand(at))
    expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(body)).toBe(true)
  },
)
