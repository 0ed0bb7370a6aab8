import { payloadOf } from "../body/payload.ts"
import { refusal } from "../errors.ts"
import { header, type Incoming } from "../http/incoming.ts"
import type { Call } from "../http/reply.ts"

/** The largest one S3 can need: 10,000 parts with checksums, 1,000 keys of 1,024 bytes escaped. */
const maxDocumentBytes = 8 * 1024 ** 2

type Options = {
  /** It may have no length at all. */
  readonly optional?: boolean
  /** The request's checksum headers tell of the object that it makes, not of this body. */
  readonly claimsOfObject?: boolean
}

/** A small request body as text, checked like any other. */
export async function readBody(call: Call, options: Options = {}): Promise<string> {
  const { incoming, auth } = call
  if (
    options.optional &&
    header(incoming, "content-length") === undefined &&
    !header(incoming, "transfer-encoding")
  )
    return ""
  const payload = payloadOf(options.claimsOfObject ? withoutChecksums(incoming) : incoming, auth)
  if (payload.length > maxDocumentBytes) throw refusal("MalformedXML", "The request body is too large")
  const chunks: Buffer[] = []
  for await (const chunk of payload.chunks) chunks.push(chunk)
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks))
  } catch {
    throw refusal("MalformedXML")
  }
}

function withoutChecksums(incoming: Incoming): Incoming {
  const headers = Object.entries(incoming.headers).filter(([name]) => !name.startsWith("x-amz-checksum-"))
  return { ...incoming, headers: Object.fromEntries(headers) }
}
