import { payloadOf } from "../body/payload.ts"
import { type Checksum, checksumHeader } from "../checksums/algorithms.ts"
import { declaredChecksum } from "../checksums/declared.ts"
import type { Context } from "../context.ts"
import type { Call, Headers, Reply } from "../http/reply.ts"
import { commitObject } from "../store/buckets.ts"
import { quoted } from "../xml.ts"
import { writeCondition } from "./conditions.ts"
import { readDescription } from "./description.ts"
import { bucketOf, wholeSeconds } from "./lookup.ts"

/** Amazon S3 API Reference: PutObject. S3 takes CRC64NVME where the client has no checksum. */
export async function putObject(context: Context, call: Call): Promise<Reply> {
  const { incoming, key } = call
  bucketOf(context, call)
  const description = readDescription(incoming)
  const allowed = writeCondition(incoming)
  const algorithm = declaredChecksum(incoming)?.algorithm ?? "CRC64NVME"
  const payload = payloadOf(incoming, call.auth, [algorithm])
  const blob = await context.depot.write(payload.chunks)
  try {
    const { size, md5, checksums } = payload.findings()
    const etag = md5.toString("hex")
    const checksum: Checksum = { algorithm, type: "FULL_OBJECT", value: checksums.get(algorithm) ?? "" }
    const lastModified = wholeSeconds(context.now())
    const record = { ...description, key, size, etag, lastModified, checksum, blobs: [blob] }
    commitObject(context, bucketOf(context, call), record, allowed)
    return { status: 200, headers: { ETag: quoted(etag), ...stored(checksum) } }
  } catch (error) {
    context.depot.release([blob])
    throw error
  }
}

/** What the answer to a write tells of the object now stored. */
export const stored = (checksum: Checksum): Headers => ({
  ...checksumHeaders(checksum),
  "x-amz-server-side-encryption": "AES256",
})

export const checksumHeaders = ({ algorithm, type, value }: Checksum): Headers => ({
  [checksumHeader(algorithm)]: value,
  "x-amz-checksum-type": type,
})
