import type { Context } from "../context.ts"
import { refusal } from "../errors.ts"
import { header } from "../http/incoming.ts"
import { type Call, ok, type Reply } from "../http/reply.ts"
import { requireObject } from "../store/buckets.ts"
import type { ObjectRecord } from "../store/records.ts"
import { document, element, leaf } from "../xml.ts"
import { bucketOf, countFrom } from "./lookup.ts"
import { refuseVersion } from "./version.ts"

const known = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"] as const

/** Amazon S3 API Reference: GetObjectAttributes. The ETag has no quotes here, and a composite checksum no `-N`. */
export function getObjectAttributes(context: Context, call: Call): Reply {
  const { incoming } = call
  refuseVersion(incoming.target.query.get("versionId"))
  const record = requireObject(bucketOf(context, call), call.key)
  const wanted = (header(incoming, "x-amz-object-attributes") ?? "").split(",").map((name) => name.trim())
  if (wanted.some((name) => !known.some((each) => each === name)))
    throw refusal("InvalidArgument", "Invalid attribute name specified.", {
      ArgumentName: "x-amz-object-attributes",
      ArgumentValue: wanted.join(","),
    })
  const written = {
    ETag: leaf("ETag", record.etag),
    Checksum: element(
      "Checksum",
      leaf(`Checksum${record.checksum.algorithm}`, record.checksum.value.replace(/-\d+$/, "")),
      leaf("ChecksumType", record.checksum.type),
    ),
    ObjectParts: objectParts(call, record),
    StorageClass: leaf("StorageClass", record.storageClass),
    ObjectSize: leaf("ObjectSize", record.size),
  }
  const attributes = known.filter((name) => wanted.includes(name)).map((name) => written[name])
  return ok(document("GetObjectAttributesResponse", ...attributes), {
    "Last-Modified": new Date(record.lastModified).toUTCString(),
  })
}

/** The parts one by one only where each has a checksum of its own, which is with composite ones. */
function objectParts({ incoming }: Call, { parts, checksum }: ObjectRecord): string {
  if (!parts) return ""
  if (checksum.type === "FULL_OBJECT") return element("ObjectParts", leaf("PartsCount", parts.length))
  const max = countFrom(header(incoming, "x-amz-max-parts"), { name: "max-parts", fallback: 1000, max: 1000 })
  const marker = countFrom(header(incoming, "x-amz-part-number-marker"), {
    name: "part-number-marker",
    fallback: 0,
    max: 10_000,
  })
  const behind = parts.filter(({ number }) => number > marker)
  const shown = behind.slice(0, max)
  return element(
    "ObjectParts",
    leaf("PartsCount", parts.length),
    leaf("PartNumberMarker", marker),
    leaf("NextPartNumberMarker", shown.at(-1)?.number ?? 0),
    leaf("MaxParts", max),
    leaf("IsTruncated", behind.length > shown.length),
    ...shown.map((part) =>
      element(
        "Part",
        leaf("PartNumber", part.number),
        leaf("Size", part.size),
        leaf(`Checksum${checksum.algorithm}`, part.checksum),
      ),
    ),
  )
}
