import { payloadOf } from "../body/payload.ts"
import { checksumHeader } from "../checksums/algorithms.ts"
import { declaredChecksum } from "../checksums/declared.ts"
import type { Context } from "../context.ts"
import { refusal } from "../errors.ts"
import type { Call, Reply } from "../http/reply.ts"
import type { UploadedPart, UploadRecord } from "../store/records.ts"
import { quoted } from "../xml.ts"
import { wholeSeconds } from "./lookup.ts"
import { partNumberOf, uploadOf } from "./uploads.ts"

/** Amazon S3 API Reference: UploadPart. A part sent again replaces the one before. */
export async function uploadPart(context: Context, call: Call): Promise<Reply> {
  const number = partNumberOf(call.incoming.target.query.get("partNumber"))
  const { record } = uploadOf(context, call).upload
  const declared = declaredChecksum(call.incoming)?.algorithm
  checkAlgorithm(record, declared)
  const payload = payloadOf(call.incoming, call.auth, [record.algorithm])
  const blob = await context.depot.write(payload.chunks)
  const { size, md5, checksums } = payload.findings()
  const lastModified = wholeSeconds(context.now())
  const checksum = checksums.get(record.algorithm) ?? ""
  keepPart(context, call, { number, size, etag: md5.toString("hex"), lastModified, blob, checksum })
  const echoed = record.chosen ?? declared
  return {
    status: 200,
    headers: {
      ETag: quoted(md5.toString("hex")),
      ...(echoed && { [checksumHeader(echoed)]: checksums.get(echoed) }),
      "x-amz-server-side-encryption": "AES256",
    },
  }
}

/** Adds a part whose blob the caller holds; the upload may have gone since the call began. */
export function keepPart(context: Context, call: Call, part: UploadedPart) {
  try {
    const { bucket, upload } = uploadOf(context, call)
    const before = upload.parts.get(part.number)
    context.journal.savePart(bucket.name, upload.record.id, part)
    upload.parts.set(part.number, part)
    if (before) context.depot.release([before.blob])
  } catch (error) {
    context.depot.release([part.blob])
    throw error
  }
}

/**
 * A part's checksum must be of the upload's algorithm, and must be there where the whole's is made of the parts'. An
 * upload without an algorithm takes parts with any: the SDKs send them by default.
 */
function checkAlgorithm({ chosen, type }: UploadRecord, declared: string | undefined) {
  if (!chosen || declared === chosen || (declared === undefined && type === "FULL_OBJECT")) return
  throw refusal(
    "InvalidRequest",
    `Checksum Type mismatch occurred, expected checksum Type: ${chosen.toLowerCase()}, actual checksum Type: ${declared?.toLowerCase() ?? "null"}`,
  )
}
