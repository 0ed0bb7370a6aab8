import type { Context } from "../context.ts"
import { refusal } from "../errors.ts"
import { header } from "../http/incoming.ts"
import type { Call, Headers, Reply } from "../http/reply.ts"
import { requireObject } from "../store/buckets.ts"
import type { ObjectRecord } from "../store/records.ts"
import { readCondition } from "./conditions.ts"
import { contentHeaders, describe } from "./description.ts"
import { bucketOf } from "./lookup.ts"
import { checksumHeaders } from "./put-object.ts"
import { partRange, type Range, readRange } from "./range.ts"
import { refuseVersion } from "./version.ts"

/** GetObject and HeadObject: the same answer, with and without the bytes. */
export function getObject(context: Context, call: Call): Reply {
  const { incoming, key } = call
  refuseVersion(incoming.target.query.get("versionId"))
  const record = requireObject(bucketOf(context, call), key)
  const described = { ...describe(record), ...overrides(call) }
  if (readCondition(incoming, record) === "not-modified") return { status: 304, headers: described }
  const range = rangeOf(call, record)
  const { start, end } = range ?? { start: 0, end: record.size }
  const headers: Headers = {
    ...described,
    ...(header(incoming, "x-amz-checksum-mode")?.toUpperCase() === "ENABLED" && checksumOf(record, range)),
    ...(range && { "Content-Range": `bytes ${start}-${end - 1}/${record.size}` }),
    ...(range?.part !== undefined && { "x-amz-mp-parts-count": record.parts?.length }),
    "Content-Length": end - start,
  }
  const status = range ? 206 : 200
  if (call.operation === "HeadObject") return { status, headers }
  context.depot.retain(record.blobs)
  return { status, headers, content: { blobs: record.blobs, start, end } }
}

/** Of the whole object; of one part where parts have checksums of their own; of no other range. */
function checksumOf({ checksum, parts }: ObjectRecord, range: Range | undefined): Headers {
  if (!range) return checksumHeaders(checksum)
  const part = range.part === undefined ? undefined : parts?.[range.part - 1]
  if (part?.checksum !== undefined) return checksumHeaders({ ...checksum, value: part.checksum })
  return part && parts?.length === 1 ? checksumHeaders(checksum) : {}
}

function rangeOf({ incoming }: Call, record: ObjectRecord): Range | undefined {
  const part = incoming.target.query.get("partNumber")
  const range = header(incoming, "range")
  if (part !== undefined && range !== undefined)
    throw refusal("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
  if (part !== undefined) return partRange(part, record)
  return range === undefined ? undefined : readRange(range, record.size)
}

/** `response-content-type=…` and its like, which replace what is stored in this one answer. */
function overrides({ incoming }: Call): Headers {
  const { query } = incoming.target
  if (query.size === 0) return {}
  return Object.fromEntries(
    contentHeaders.flatMap((name) => {
      const value = query.get(`response-${name}`)
      return value === undefined ? [] : [[name, headerSafe(name, value)]]
    }),
  )
}

function headerSafe(name: string, value: string): string {
  if (/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) return value
  throw refusal("InvalidArgument", "Header value cannot be represented using ISO-8859-1.", {
    ArgumentName: `response-${name}`,
    ArgumentValue: value,
  })
}
