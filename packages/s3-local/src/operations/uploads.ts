import { createHash } from "node:crypto"
import { type Algorithm, type Checksum, type ChecksumType, hasherOf, isCrc } from "../checksums/algorithms.ts"
import { combineCrcs } from "../checksums/combine.ts"
import type { Context } from "../context.ts"
import { refusal } from "../errors.ts"
import type { Call } from "../http/reply.ts"
import type { Bucket } from "../store/buckets.ts"
import type { Upload, UploadedPart } from "../store/records.ts"
import { bucketOf } from "./lookup.ts"

/** The upload that `uploadId` names in this bucket and under this key, or NoSuchUpload. */
export function uploadOf(context: Context, call: Call): { readonly bucket: Bucket; readonly upload: Upload } {
  const bucket = bucketOf(context, call)
  const id = call.incoming.target.query.get("uploadId") ?? ""
  const upload = bucket.uploads.get(id)
  if (!upload || upload.record.key !== call.key) throw refusal("NoSuchUpload", undefined, { UploadId: id })
  return { bucket, upload }
}

/** Forgets an upload; its parts' blobs are freed unless an object holds them too. */
export function dropUpload(context: Context, bucket: Bucket, upload: Upload) {
  context.journal.deleteUpload(bucket.name, upload)
  bucket.uploads.delete(upload.record.id)
  if (bucket.uploads.size === 0) bucket.changes.clear()
  context.depot.release([...upload.parts.values()].map((part) => part.blob))
}

/** Which kinds an algorithm allows in an upload in parts; the first is the default (Amazon S3 User Guide: Checking object integrity, full object and composite checksum types). */
export const typesOf: Readonly<Record<Algorithm, readonly ChecksumType[]>> = {
  CRC32: ["COMPOSITE", "FULL_OBJECT"],
  CRC32C: ["COMPOSITE", "FULL_OBJECT"],
  CRC64NVME: ["FULL_OBJECT"],
  SHA1: ["COMPOSITE"],
  SHA256: ["COMPOSITE"],
}

/** MD5 over the parts' MD5s, and how many there are. */
export function multipartEtag(parts: readonly UploadedPart[]): string {
  const md5 = createHash("md5")
  for (const { etag } of parts) md5.update(Buffer.from(etag, "hex"))
  return `${md5.digest("hex")}-${parts.length}`
}

export function multipartChecksum(
  algorithm: Algorithm,
  type: ChecksumType,
  parts: readonly UploadedPart[],
): Checksum {
  const pieces = parts.map(({ checksum, size }) => ({ digest: Buffer.from(checksum, "base64"), size }))
  if (type === "FULL_OBJECT" && isCrc(algorithm))
    return { algorithm, type, value: combineCrcs(algorithm, pieces).toString("base64") }
  const hasher = hasherOf(algorithm)
  for (const { digest } of pieces) hasher.update(digest)
  return { algorithm, type, value: `${hasher.digest().toString("base64")}-${parts.length}` }
}

/** From 1 to 10,000. */
export function partNumberOf(text: string | undefined): number {
  const number = Number(text)
  if (/^\d{1,5}$/.test(text ?? "") && number >= 1 && number <= 10_000) return number
  throw refusal("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive", {
    ArgumentName: "partNumber",
    ArgumentValue: text,
  })
}
