import type { Context } from "../context.ts"
import { type Call, noContent, ok, ownerXml, type Reply } from "../http/reply.ts"
import { document, element, isoDate, leaf, quoted } from "../xml.ts"
import { countFrom } from "./lookup.ts"
import { dropUpload, uploadOf } from "./uploads.ts"

export function abortUpload(context: Context, call: Call): Reply {
  const { bucket, upload } = uploadOf(context, call)
  dropUpload(context, bucket, upload)
  return noContent
}

/** Amazon S3 API Reference: ListParts. */
export function listParts(context: Context, call: Call): Reply {
  const { bucket, upload } = uploadOf(context, call)
  const { record } = upload
  const { query } = call.incoming.target
  const max = countFrom(query.get("max-parts"), { name: "max-parts", fallback: 1000, max: 1000 })
  const marker = countFrom(query.get("part-number-marker"), {
    name: "part-number-marker",
    fallback: 0,
    max: 2147483647,
  })
  const behind = [...upload.parts.values()]
    .filter(({ number }) => number > marker)
    .sort((a, b) => a.number - b.number)
  const shown = behind.slice(0, max)
  return ok(
    document(
      "ListPartsResult",
      leaf("Bucket", bucket.name),
      leaf("Key", record.key),
      leaf("UploadId", record.id),
      ownerXml("Initiator"),
      ownerXml(),
      leaf("StorageClass", record.storageClass),
      leaf("PartNumberMarker", marker),
      leaf("NextPartNumberMarker", shown.at(-1)?.number ?? 0),
      leaf("MaxParts", max),
      leaf("IsTruncated", behind.length > shown.length),
      leaf("ChecksumAlgorithm", record.chosen),
      record.chosen ? leaf("ChecksumType", record.type) : "",
      ...shown.map((part) =>
        element(
          "Part",
          leaf("PartNumber", part.number),
          leaf("LastModified", isoDate(part.lastModified)),
          leaf("ETag", quoted(part.etag)),
          leaf("Size", part.size),
          record.chosen ? leaf(`Checksum${record.algorithm}`, part.checksum) : "",
        ),
      ),
    ),
  )
}
