import type { Context } from "../context.ts"
import { type Call, ok, ownerXml, type Reply } from "../http/reply.ts"
import { byteOrder } from "../store/byte-order.ts"
import type { UploadRecord } from "../store/records.ts"
import { document, element, isoDate, leaf, urlEncoded } from "../xml.ts"
import { bucketOf, countFrom } from "./lookup.ts"

type Question = {
  readonly prefix: string
  readonly delimiter: string
  readonly keyMarker: string
  readonly idMarker: string
  readonly max: number
}

/** Amazon S3 API Reference: ListMultipartUploads. By key, then by upload id, which begins with the time. */
export function listUploads(context: Context, call: Call): Reply {
  const bucket = bucketOf(context, call)
  const { query } = call.incoming.target
  const encoding = query.get("encoding-type")
  const question: Question = {
    prefix: query.get("prefix") ?? "",
    delimiter: query.get("delimiter") ?? "",
    keyMarker: query.get("key-marker") ?? "",
    idMarker: query.get("upload-id-marker") ?? "",
    max: countFrom(query.get("max-uploads"), { name: "max-uploads", fallback: 1000, max: 1000 }),
  }
  const written = encoding === "url" ? urlEncoded : (text: string) => text
  const page = pageOf(
    [...bucket.uploads.values()].map(({ record }) => record),
    question,
  )
  return ok(
    document(
      "ListMultipartUploadsResult",
      leaf("Bucket", bucket.name),
      leaf("KeyMarker", written(question.keyMarker)),
      leaf("UploadIdMarker", question.idMarker),
      leaf("NextKeyMarker", page.truncated ? written(page.lastKey) : undefined),
      leaf("NextUploadIdMarker", page.truncated ? page.lastId : undefined),
      leaf("Prefix", written(question.prefix)),
      leaf("Delimiter", question.delimiter ? written(question.delimiter) : undefined),
      leaf("EncodingType", encoding),
      leaf("MaxUploads", question.max),
      leaf("IsTruncated", page.truncated),
      ...page.uploads.map((record) => uploadXml(record, written)),
      ...page.prefixes.map((name) => element("CommonPrefixes", leaf("Prefix", written(name)))),
    ),
  )
}

const uploadXml = (record: UploadRecord, written: (text: string) => string) =>
  element(
    "Upload",
    leaf("Key", written(record.key)),
    leaf("UploadId", record.id),
    ownerXml("Initiator"),
    ownerXml(),
    leaf("StorageClass", record.storageClass),
    leaf("Initiated", isoDate(record.initiated)),
    leaf("ChecksumAlgorithm", record.chosen),
    record.chosen ? leaf("ChecksumType", record.type) : "",
  )

function pageOf(all: readonly UploadRecord[], { prefix, delimiter, keyMarker, idMarker, max }: Question) {
  const places = all
    .filter(({ key }) => key.startsWith(prefix))
    .map((record) => ({
      record,
      order: byteOrder(record.key),
      common: commonPrefix(record.key, prefix, delimiter),
    }))
    .filter(({ record, order, common }) => isBehind(record, order, common))
    .sort((a, b) => compare(a.order, b.order) || compare(a.record.id, b.record.id))
  const uploads: UploadRecord[] = []
  const prefixes: string[] = []
  let last = { key: "", id: "" }
  for (const { record, common } of places) {
    if (common !== undefined && prefixes.at(-1) === common) continue
    if (uploads.length + prefixes.length >= max)
      return { uploads, prefixes, truncated: max > 0, lastKey: last.key, lastId: last.id }
    if (common !== undefined) prefixes.push(common)
    if (common === undefined) uploads.push(record)
    last = common === undefined ? record : { key: common, id: "" }
  }
  return { uploads, prefixes, truncated: false, lastKey: last.key, lastId: last.id }

  function isBehind(record: UploadRecord, order: string, common: string | undefined): boolean {
    const marker = byteOrder(keyMarker)
    if (common !== undefined && common === keyMarker) return false
    return order > marker || (order === marker && idMarker !== "" && record.id > idMarker)
  }
}

function commonPrefix(key: string, prefix: string, delimiter: string): string | undefined {
  const at = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length)
  return at < 0 ? undefined : key.slice(0, at + delimiter.length)
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
