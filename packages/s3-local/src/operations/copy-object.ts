import { maxPutBytes } from "../body/payload.ts"
import { isAlgorithm } from "../checksums/algorithms.ts"
import { unsupported } from "../checksums/declared.ts"
import type { Context } from "../context.ts"
import { refusal } from "../errors.ts"
import { header, type Incoming } from "../http/incoming.ts"
import { type Call, ok, type Reply } from "../http/reply.ts"
import { commitObject } from "../store/buckets.ts"
import type { ObjectRecord } from "../store/records.ts"
import { document, isoDate, leaf, quoted } from "../xml.ts"
import { writeCondition } from "./conditions.ts"
import { copySource, type Source } from "./copy-source.ts"
import { readDescription } from "./description.ts"
import { bucketOf, wholeSeconds } from "./lookup.ts"
import { readBody } from "./read-body.ts"
import { contentOf, hashing } from "./rehash.ts"

/** Amazon S3 API Reference: CopyObject. The copy shares the source's bytes; it is a plain object even if the source came in parts. */
export async function copyObject(context: Context, call: Call): Promise<Reply> {
  const { incoming, key } = call
  bucketOf(context, call)
  const described = readDescription(incoming)
  const allowed = writeCondition(incoming)
  await readBody(call, { optional: true })
  const source = copySource(context, incoming)
  const { blobs } = source.record
  if (source.record.size > maxPutBytes)
    throw refusal(
      "InvalidRequest",
      `The specified copy source is larger than the maximum allowable size for a copy source: ${maxPutBytes}`,
    )
  const directives = readDirectives(incoming)
  if (
    source.bucket === call.bucket &&
    source.record.key === key &&
    !changesItself(incoming, directives.metadata)
  )
    throw refusal(
      "InvalidRequest",
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    )
  context.depot.retain(blobs)
  try {
    const { etag, checksum } = await identityOf(context, incoming, source)
    const record: ObjectRecord = {
      ...(directives.metadata === "REPLACE" ? described : source.record),
      tags: directives.tagging === "REPLACE" ? described.tags : source.record.tags,
      storageClass: described.storageClass,
      key,
      size: source.record.size,
      etag,
      checksum,
      blobs,
      lastModified: wholeSeconds(context.now()),
    }
    const { parts: _, ...plain } = record
    commitObject(context, bucketOf(context, call), plain, allowed)
    return ok(document("CopyObjectResult", ...copyResult(plain)), {
      "x-amz-server-side-encryption": "AES256",
    })
  } catch (error) {
    context.depot.release(blobs)
    throw error
  }
}

const copyResult = ({ etag, lastModified, checksum }: ObjectRecord) => [
  leaf("LastModified", isoDate(lastModified)),
  leaf("ETag", quoted(etag)),
  leaf(`Checksum${checksum.algorithm}`, checksum.value),
]

type Directive = "COPY" | "REPLACE"

function readDirectives(incoming: Incoming): { readonly metadata: Directive; readonly tagging: Directive } {
  const read = (name: string): Directive => {
    const value = header(incoming, name) ?? "COPY"
    if (value === "COPY" || value === "REPLACE") return value
    throw refusal("InvalidArgument", `Unknown ${name.replace("x-amz-", "").replace("-", " ")}.`, {
      ArgumentName: name,
      ArgumentValue: value,
    })
  }
  return { metadata: read("x-amz-metadata-directive"), tagging: read("x-amz-tagging-directive") }
}

const changesItself = (incoming: Incoming, metadata: Directive) =>
  metadata === "REPLACE" ||
  header(incoming, "x-amz-storage-class") !== undefined ||
  header(incoming, "x-amz-server-side-encryption") !== undefined

/** ETag and checksum of the copy: the source's where they are of the whole, else taken again from the bytes. */
async function identityOf(
  context: Context,
  incoming: Incoming,
  { record }: Source,
): Promise<Pick<ObjectRecord, "etag" | "checksum">> {
  const wanted = header(incoming, "x-amz-checksum-algorithm")?.toUpperCase() ?? record.checksum.algorithm
  if (!isAlgorithm(wanted)) throw unsupported()
  const whole = record.checksum.type === "FULL_OBJECT" && record.checksum.algorithm === wanted
  if (!record.parts && whole) return record
  const hashed = hashing(contentOf(context, record.blobs, 0, record.size), wanted)
  for await (const _ of hashed.chunks);
  const { etag, digest } = hashed.findings()
  return { etag, checksum: { algorithm: wanted, type: "FULL_OBJECT", value: digest } }
}
