import { maxPutBytes } from "../body/payload.ts"
import type { Context } from "../context.ts"
import { refusal } from "../errors.ts"
import { header } from "../http/incoming.ts"
import { type Call, ok, type Reply } from "../http/reply.ts"
import type { UploadedPart } from "../store/records.ts"
import { document, isoDate, leaf, quoted } from "../xml.ts"
import { copySource } from "./copy-source.ts"
import { wholeSeconds } from "./lookup.ts"
import { readBody } from "./read-body.ts"
import { contentOf, hashing } from "./rehash.ts"
import { keepPart } from "./upload-part.ts"
import { partNumberOf, uploadOf } from "./uploads.ts"

/** Amazon S3 API Reference: UploadPartCopy. */
export async function uploadPartCopy(context: Context, call: Call): Promise<Reply> {
  const { incoming } = call
  const number = partNumberOf(incoming.target.query.get("partNumber"))
  const { record } = uploadOf(context, call).upload
  await readBody(call, { optional: true })
  const { record: source } = copySource(context, incoming)
  const { start, end } = rangeOf(header(incoming, "x-amz-copy-source-range"), source.size)
  if (end - start > maxPutBytes)
    throw refusal("EntityTooLarge", undefined, { ProposedSize: end - start, MaxSizeAllowed: maxPutBytes })
  context.depot.retain(source.blobs)
  try {
    const hashed = hashing(contentOf(context, source.blobs, start, end), record.algorithm)
    const blob = await context.depot.write(hashed.chunks)
    const { size, etag, digest } = hashed.findings()
    const lastModified = wholeSeconds(context.now())
    const part: UploadedPart = { number, size, etag, lastModified, blob, checksum: digest }
    keepPart(context, call, part)
    return ok(
      document(
        "CopyPartResult",
        leaf("LastModified", isoDate(lastModified)),
        leaf("ETag", quoted(etag)),
        record.chosen ? leaf(`Checksum${record.algorithm}`, digest) : "",
      ),
    )
  } finally {
    context.depot.release(source.blobs)
  }
}

/** `bytes=first-last`, both given and inside of the source. */
function rangeOf(text: string | undefined, size: number) {
  if (text === undefined) return { start: 0, end: size }
  const match = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(text.trim())
  const [start, end] = [Number(match?.[1]), Number(match?.[2]) + 1]
  if (match && start < end && end <= size) return { start, end }
  if (match && start < end)
    throw refusal("InvalidArgument", `Range specified is not valid for source object of size: ${size}`, {
      ArgumentName: "x-amz-copy-source-range",
      ArgumentValue: text,
    })
  throw refusal(
    "InvalidArgument",
    "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
    { ArgumentName: "x-amz-copy-source-range", ArgumentValue: text },
  )
}
