import { wrongChecksum } from "../body/payload.ts"
import { type Algorithm, algorithms, type Checksum, checksumHeader } from "../checksums/algorithms.ts"
import type { Context } from "../context.ts"
import { S3Error } from "../errors.ts"
import { header, type Incoming } from "../http/incoming.ts"
import { type Call, ok, type Reply } from "../http/reply.ts"
import { commitObject } from "../store/buckets.ts"
import type { ObjectRecord, UploadedPart, UploadRecord } from "../store/records.ts"
import { document, leaf, quoted } from "../xml.ts"
import { chooseParts, readParts } from "./complete-parts.ts"
import { writeCondition } from "./conditions.ts"
import { wholeSeconds } from "./lookup.ts"
import { readBody } from "./read-body.ts"
import { dropUpload, multipartChecksum, multipartEtag, uploadOf } from "./uploads.ts"

/** Amazon S3 API Reference: CompleteMultipartUpload. The object is made of the parts' blobs; no byte is copied. */
export async function completeUpload(context: Context, call: Call): Promise<Reply> {
  const { incoming, key } = call
  uploadOf(context, call)
  const allowed = writeCondition(incoming)
  const wanted = readParts(await readBody(call, { claimsOfObject: true }))
  const { bucket, upload } = uploadOf(context, call)
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

/** What the client says of the whole: its checksum, that checksum's type, its size. */
function checkClaims(incoming: Incoming, record: UploadRecord, checksum: Checksum, size: number) {
  const type = header(incoming, "x-amz-checksum-type")
  if (type !== undefined && type.toUpperCase() !== record.type)
    throw new S3Error(
      "InvalidRequest",
      `The upload was created using the ${record.type} checksum mode. The complete request must use the same checksum mode.`,
    )
  const claimed = algorithms.filter((algorithm) => header(incoming, checksumHeader(algorithm)) !== undefined)
  for (const algorithm of claimed) checkClaim(incoming, algorithm, checksum)
  const expected = header(incoming, "x-amz-mp-object-size")
  if (expected !== undefined && expected !== String(size))
    throw new S3Error(
      "InvalidRequest",
      `The provided 'x-amz-mp-object-size' header value ${expected} does not match what was computed: ${size}`,
    )
}

function checkClaim(incoming: Incoming, algorithm: Algorithm, checksum: Checksum) {
  if (algorithm !== checksum.algorithm)
    throw new S3Error(
      "BadDigest",
      `The ${algorithm.toLowerCase()} you specified did not match the calculated checksum: the upload's is ${checksum.algorithm.toLowerCase()}.`,
    )
  const value = header(incoming, checksumHeader(algorithm))
  if (value !== checksum.value && value !== checksum.value.replace(/-\d+$/, ""))
    throw wrongChecksum(algorithm)
}
