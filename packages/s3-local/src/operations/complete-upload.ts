import { algorithms, type Checksum, checksumHeader } from "../checksums/algorithms.ts"
import type { Context } from "../context.ts"
import { refusal } from "../errors.ts"
import { header, type Incoming } from "../http/incoming.ts"
import { type Call, ok, type Reply } from "../http/reply.ts"
import { changedSince, commitObject } from "../store/buckets.ts"
import type { ObjectRecord, UploadedPart, UploadRecord } from "../store/records.ts"
import { document, leaf, quoted } from "../xml.ts"
import { chooseParts, readParts } from "./complete-parts.ts"
import { completeCondition, writeCondition } from "./conditions.ts"
import { wholeSeconds } from "./lookup.ts"
import { readBody } from "./read-body.ts"
import { dropUpload, multipartChecksum, multipartEtag, uploadOf } from "./uploads.ts"

/** Amazon S3 API Reference: CompleteMultipartUpload. The object is made of the parts' blobs; no byte is copied. */
export async function completeUpload(context: Context, call: Call): Promise<Reply> {
  const { incoming, key } = call
  uploadOf(context, call)
  writeCondition(incoming)
  const wanted = readParts(await readBody(call, { claimsOfObject: true }))
  const { bucket, upload } = uploadOf(context, call)
  const allowed = completeCondition(incoming, () => changedSince(bucket, upload))
  const { record } = upload
  const parts = chooseParts(upload, wanted)
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  const checksum = multipartChecksum(record.algorithm, record.type, parts)
  checkClaims(incoming, record, checksum, size)
  const { id: _, initiated: _i, chosen: _c, algorithm: _a, type: _t, ...description } = record
  const object: ObjectRecord = {
    ...description,
    key,
    size,
    etag: multipartEtag(parts),
    lastModified: wholeSeconds(context.now()),
    checksum,
    blobs: parts.map((part) => part.blob),
    parts: parts.map((part) => partRecord(part, record)),
  }
  context.depot.retain(object.blobs)
  try {
    commitObject(context, bucket, object, allowed)
  } catch (error) {
    context.depot.release(object.blobs)
    throw error
  }
  dropUpload(context, bucket, upload)
  return ok(
    document(
      "CompleteMultipartUploadResult",
      leaf("Location", `http://${header(incoming, "host")}/${bucket.name}/${encodeURIComponent(key)}`),
      leaf("Bucket", bucket.name),
      leaf("Key", key),
      leaf("ETag", quoted(object.etag)),
      leaf(`Checksum${checksum.algorithm}`, checksum.value),
      leaf("ChecksumType", checksum.type),
    ),
    { "x-amz-server-side-encryption": "AES256" },
  )
}

const partRecord = ({ number, size, checksum }: UploadedPart, { type }: UploadRecord) => ({
  number,
  size,
  ...(type === "COMPOSITE" && { checksum }),
})

/**
 * What the client says of the whole: the kind of its checksum, the checksum, the size. A full-object checksum counts
 * only with `x-amz-checksum-type: FULL_OBJECT` beside it; S3 takes it for wrong otherwise (recorded from AWS by
 * LocalStack's tests). A checksum of an upload that began without an algorithm is not looked at.
 */
function checkClaims(incoming: Incoming, record: UploadRecord, checksum: Checksum, size: number) {
  const type = header(incoming, "x-amz-checksum-type")?.toUpperCase()
  const actual = record.chosen ? record.type : "null"
  if (type !== undefined && type !== actual)
    throw refusal(
      "InvalidRequest",
      `The upload was created using the ${actual} checksum mode. The complete request must use the same checksum mode.`,
    )
  const claims = algorithms.filter((algorithm) => header(incoming, checksumHeader(algorithm)) !== undefined)
  const right = claims.every((algorithm) => {
    const value = header(incoming, checksumHeader(algorithm))
    const whole = checksum.value.replace(/-\d+$/, "")
    return algorithm === checksum.algorithm && (value === checksum.value || value === whole)
  })
  const untyped = claims.length > 0 && record.type === "FULL_OBJECT" && type === undefined
  if (record.chosen && (!right || untyped))
    throw refusal(
      "BadDigest",
      `The ${checksum.algorithm.toLowerCase()} you specified did not match the calculated checksum.`,
    )
  const expected = header(incoming, "x-amz-mp-object-size")
  if (expected !== undefined && expected !== String(size))
    throw refusal(
      "InvalidRequest",
      `The provided 'x-amz-mp-object-size' header value ${expected} does not match what was computed: ${size}`,
    )
}
