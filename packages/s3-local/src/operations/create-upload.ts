import { randomBytes } from "node:crypto"
import { type Algorithm, type ChecksumType, isAlgorithm } from "../checksums/algorithms.ts"
import { unsupported } from "../checksums/declared.ts"
import type { Context } from "../context.ts"
import { refusal } from "../errors.ts"
import { header, type Incoming } from "../http/incoming.ts"
import { type Call, ok, type Reply } from "../http/reply.ts"
import type { UploadRecord } from "../store/records.ts"
import { document, leaf } from "../xml.ts"
import { readDescription } from "./description.ts"
import { bucketOf } from "./lookup.ts"
import { readBody } from "./read-body.ts"
import { typesOf } from "./uploads.ts"

/** Amazon S3 API Reference: CreateMultipartUpload. */
export async function createUpload(context: Context, call: Call): Promise<Reply> {
  const { incoming, key } = call
  bucketOf(context, call)
  const description = readDescription(incoming)
  const integrity = readIntegrity(incoming)
  await readBody(call, { optional: true })
  const bucket = bucketOf(context, call)
  const record: UploadRecord = {
    ...description,
    ...integrity,
    id: newUploadId(context.now()),
    key,
    initiated: context.now(),
  }
  context.journal.saveUpload(bucket.name, record)
  bucket.uploads.set(record.id, { record, parts: new Map(), began: bucket.ticks })
  const result = document(
    "InitiateMultipartUploadResult",
    leaf("Bucket", bucket.name),
    leaf("Key", key),
    leaf("UploadId", record.id),
  )
  return ok(result, {
    ...(record.chosen && { "x-amz-checksum-algorithm": record.chosen, "x-amz-checksum-type": record.type }),
    "x-amz-server-side-encryption": "AES256",
  })
}

/** Sorts by time, so that a listing of uploads has an order even when its marker is gone. */
const newUploadId = (now: number) => `${now.toString(36).padStart(9, "0")}${randomBytes(42).toString("hex")}`

function readIntegrity(incoming: Incoming): Pick<UploadRecord, "chosen" | "algorithm" | "type"> {
  const chosen = header(incoming, "x-amz-checksum-algorithm")?.toUpperCase()
  const type = header(incoming, "x-amz-checksum-type")?.toUpperCase()
  if (chosen !== undefined && !isAlgorithm(chosen)) throw unsupported()
  if (type !== undefined && chosen === undefined)
    throw refusal(
      "InvalidRequest",
      "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
    )
  if (type !== undefined && type !== "COMPOSITE" && type !== "FULL_OBJECT")
    throw refusal("InvalidRequest", "Value for x-amz-checksum-type header is invalid.")
  const algorithm: Algorithm = chosen ?? "CRC64NVME"
  return { ...(chosen && { chosen }), algorithm, type: typeFor(algorithm, type) }
}

function typeFor(algorithm: Algorithm, type: ChecksumType | undefined): ChecksumType {
  const allowed = typesOf[algorithm]
  const chosen = type ?? allowed[0] ?? "FULL_OBJECT"
  if (allowed.includes(chosen)) return chosen
  throw refusal(
    "InvalidRequest",
    `The ${chosen} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
  )
}
