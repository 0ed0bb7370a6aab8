import type { Context } from "../context.ts"
import { refusal } from "../errors.ts"
import { type Call, ok, ownerXml, type Reply } from "../http/reply.ts"
import type { Bucket } from "../store/buckets.ts"
import { beyond, byteOrder } from "../store/byte-order.ts"
import type { ObjectRecord } from "../store/records.ts"
import { document, element, isoDate, leaf, urlEncoded } from "../xml.ts"
import { listPage, type Page, type Question } from "./listing.ts"
import { bucketOf, countFrom } from "./lookup.ts"
import { readToken, writeToken } from "./tokens.ts"

const asIs = (text: string) => text

/** What both versions share. `after` is the marker or start-after. */
function readQuestion(call: Call, after: string) {
  const { query } = call.incoming.target
  const encoding = query.get("encoding-type")
  if (encoding !== undefined && encoding !== "url")
    throw refusal("InvalidArgument", "Invalid Encoding Method specified in Request", {
      ArgumentName: "encoding-type",
      ArgumentValue: encoding,
    })
  const limit = countFrom(query.get("max-keys"), { name: "maxKeys", fallback: 1000, max: 1000 })
  const [prefix, delimiter] = [query.get("prefix") ?? "", query.get("delimiter") ?? ""]
  const question: Question = { prefix, delimiter, after: placeBehind(after, { prefix, delimiter }), limit }
  return { query, encoding, question, written: encoding ? urlEncoded : asIs }
}

/** Amazon S3 API Reference: ListObjectsV2. */
export function listObjectsV2(context: Context, call: Call): Reply {
  const bucket = bucketOf(context, call)
  const token = call.incoming.target.query.get("continuation-token")
  const startAfter = call.incoming.target.query.get("start-after")
  const { query, encoding, question: first, written } = readQuestion(call, startAfter ?? "")
  const question = token === undefined ? first : { ...first, after: readToken(token) }
  const page = listPage(bucket, question)
  const next = nextPlace(call, bucket, question, page)
  const owner = query.get("fetch-owner") === "true" ? ownerXml() : ""
  return ok(
    document(
      "ListBucketResult",
      leaf("Name", bucket.name),
      leaf("Prefix", written(question.prefix)),
      leaf("Delimiter", question.delimiter ? written(question.delimiter) : undefined),
      leaf("MaxKeys", question.limit),
      leaf("EncodingType", encoding),
      leaf("KeyCount", page.objects.length + page.commonPrefixes.length),
      leaf("IsTruncated", next !== undefined),
      leaf("ContinuationToken", token),
      leaf("NextContinuationToken", next && (next.token ?? writeToken(next.place, next.nonce))),
      leaf("StartAfter", startAfter === undefined ? undefined : written(startAfter)),
      ...page.objects.map((record) => contents(record, written, owner)),
      ...prefixes(page.commonPrefixes, written),
    ),
  )
}

/** Amazon S3 API Reference: ListObjects. */
export function listObjects(context: Context, call: Call): Reply {
  const bucket = bucketOf(context, call)
  const marker = call.incoming.target.query.get("marker") ?? ""
  const { encoding, question, written } = readQuestion(call, marker)
  const page = listPage(bucket, question)
  const next = question.delimiter && page.truncated ? written(page.lastName) : undefined
  return ok(
    document(
      "ListBucketResult",
      leaf("Name", bucket.name),
      leaf("Prefix", written(question.prefix)),
      leaf("Marker", written(marker)),
      leaf("NextMarker", next),
      leaf("Delimiter", question.delimiter ? written(question.delimiter) : undefined),
      leaf("MaxKeys", question.limit),
      leaf("EncodingType", encoding),
      leaf("IsTruncated", page.truncated),
      ...page.objects.map((record) => contents(record, written, ownerXml())),
      ...prefixes(page.commonPrefixes, written),
    ),
  )
}

/**
 * The place behind a marker. One inside of a common prefix leaves out all of that prefix, so that a marker which is
 * a common prefix isn't listed again (recorded from AWS by LocalStack's tests, for V1).
 */
function placeBehind(marker: string, { prefix, delimiter }: Pick<Question, "prefix" | "delimiter">): string {
  const at = delimiter !== "" && marker.startsWith(prefix) ? marker.indexOf(delimiter, prefix.length) : -1
  return at < 0 ? byteOrder(marker) : byteOrder(marker.slice(0, at + delimiter.length)) + beyond
}

type Next = { readonly place: string; readonly nonce?: string; readonly token?: string }

/** Where the next page begins, or what a fault says of it. */
function nextPlace(call: Call, bucket: Bucket, question: Question, page: Page): Next | undefined {
  const token = call.incoming.target.query.get("continuation-token")
  if (call.page === "loop") return token === undefined ? { place: question.after } : { place: "", token }
  if (!page.truncated) return undefined
  if (call.page === "repeat") return { place: question.after, nonce: `again-${page.last.length}` }
  if (call.page !== "skip") return { place: page.last }
  const skipped = listPage(bucket, { ...question, after: page.last })
  return skipped.truncated ? { place: skipped.last } : undefined
}

const prefixes = (names: readonly string[], written: (text: string) => string) =>
  names.map((name) => element("CommonPrefixes", leaf("Prefix", written(name))))

/** One piece of text, as a page has a thousand: only the key can hold anything to be escaped. */
const contents = (record: ObjectRecord, written: (text: string) => string, owner: string) => {
  const { checksum, size, storageClass } = record
  return `<Contents>${leaf("Key", written(record.key))}<LastModified>${isoDate(record.lastModified)}</LastModified><ETag>&quot;${record.etag}&quot;</ETag><ChecksumAlgorithm>${checksum.algorithm}</ChecksumAlgorithm><ChecksumType>${checksum.type}</ChecksumType><Size>${size}</Size>${owner}<StorageClass>${storageClass}</StorageClass></Contents>`
}
