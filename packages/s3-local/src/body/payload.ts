import { createHash } from "node:crypto"
import type { Auth } from "../auth/authenticate.ts"
import { scopeText } from "../auth/canonical.ts"
import { type Algorithm, checksumHeader, hasherOf } from "../checksums/algorithms.ts"
import { checkForm, type Declared, declaredChecksum, isDigest } from "../checksums/declared.ts"
import { refusal } from "../errors.ts"
import { header, type Incoming } from "../http/incoming.ts"
import { decodeAwsChunked } from "./aws-chunked.ts"

export const maxPutBytes = 5 * 1024 ** 3

/** What the server found out about a payload while it passed. */
export type Findings = {
  readonly size: number
  readonly md5: Buffer
  /** In base64, of the algorithm that the client declared and of those that were asked for. */
  readonly checksums: ReadonlyMap<Algorithm, string>
}

export type Payload = {
  /** As declared by the client; undefined where it declared none. */
  readonly declared: Algorithm | undefined
  readonly length: number
  /** The bytes without framing. Read once, to the end; throws where they are not what was announced. */
  readonly chunks: AsyncIterable<Buffer>
  /** After the end: everything that was claimed of the bytes held. */
  findings(): Findings
}

/** A payload to be checked against everything the request says of it. `also`: checksums to take besides the client's. */
export function payloadOf(incoming: Incoming, auth: Auth, also: readonly Algorithm[] = []): Payload {
  const length = declaredLength(incoming, auth)
  const contentMd5 = readContentMd5(incoming)
  const declared = declaredChecksum(incoming)
  const claimed = auth.payload.kind === "hash" ? auth.payload.sha256 : undefined
  const md5 = createHash("md5")
  const wanted = [...also, ...(declared ? [declared.algorithm] : []), ...(claimed ? ["SHA256" as const] : [])]
  const hashers = new Map(wanted.map((algorithm) => [algorithm, hasherOf(algorithm)]))
  const trailers = new Map<string, string>()
  let found: Findings | undefined

  async function* chunks() {
    let size = 0
    for await (const chunk of unframed(incoming, auth, trailers)) {
      size += chunk.length
      if (size > length) throw refusal("IncompleteBody", tooManyBytes)
      md5.update(chunk)
      for (const hasher of hashers.values()) hasher.update(chunk)
      yield chunk
    }
    if (size < length) throw refusal("IncompleteBody", tooFewBytes)
    const digests = [...hashers].map(([algorithm, hasher]) => [algorithm, hasher.digest()] as const)
    found = {
      size,
      md5: md5.digest(),
      checksums: new Map(digests.map(([algorithm, digest]) => [algorithm, digest.toString("base64")])),
    }
    if (claimed !== undefined) checkContentSha256(claimed, new Map(digests).get("SHA256"))
    if (contentMd5 !== undefined) checkMd5(contentMd5, found.md5)
    if (declared) checkDeclared(declared, trailers, found.checksums)
  }

  return {
    declared: declared?.algorithm,
    length,
    chunks: chunks(),
    findings: () => {
      if (!found) throw new Error("The payload has not been read to its end.")
      return found
    },
  }
}

const tooFewBytes =
  "You did not provide the number of bytes specified by the Content-Length HTTP header or x-amz-decoded-content-length"
const tooManyBytes = "You provided more bytes than announced by x-amz-decoded-content-length"

function unframed(incoming: Incoming, auth: Auth, trailers: Map<string, string>): AsyncIterable<Buffer> {
  if (auth.payload.kind !== "chunked") return incoming.body
  const { signingKey, amzDate, scope, signature: seed } = auth
  return decodeAwsChunked(incoming.body, {
    trailer: auth.payload.trailer,
    ...(auth.payload.signed && { chain: { signingKey, amzDate, scope: scopeText(scope), seed } }),
    onTrailer: (name, value) => trailers.set(name, value),
  })
}

function declaredLength(incoming: Incoming, auth: Auth): number {
  const text = header(
    incoming,
    auth.payload.kind === "chunked" ? "x-amz-decoded-content-length" : "content-length",
  )
  if (text === undefined) throw refusal("MissingContentLength")
  if (!/^\d{1,15}$/.test(text)) throw refusal("InvalidArgument", "The content length is not a number")
  const length = Number(text)
  if (length > maxPutBytes)
    throw refusal("EntityTooLarge", undefined, { ProposedSize: length, MaxSizeAllowed: maxPutBytes })
  return length
}

function readContentMd5(incoming: Incoming): string | undefined {
  const value = header(incoming, "content-md5")
  if (value !== undefined && !isDigest(value, 16))
    throw refusal("InvalidDigest", undefined, { "Content-MD5": value })
  return value
}

function checkMd5(expected: string, md5: Buffer) {
  if (md5.toString("base64") === expected) return
  throw refusal("BadDigest", "The Content-MD5 you specified did not match what we received.", {
    ExpectedDigest: expected,
    CalculatedDigest: md5.toString("base64"),
  })
}

function checkContentSha256(claimed: string, sha: Buffer | undefined) {
  const computed = sha?.toString("hex")
  if (computed === claimed) return
  throw refusal("XAmzContentSHA256Mismatch", undefined, {
    ClientComputedContentSHA256: claimed,
    S3ComputedContentSHA256: computed,
  })
}

function checkDeclared(
  { algorithm, value }: Declared,
  trailers: ReadonlyMap<string, string>,
  checksums: ReadonlyMap<Algorithm, string>,
) {
  const said = value ?? trailers.get(checksumHeader(algorithm))
  if (said === undefined) throw refusal("MalformedTrailerError")
  checkForm(algorithm, said)
  if (checksums.get(algorithm) !== said)
    throw refusal("BadDigest", `The ${algorithm} you specified did not match the calculated checksum.`)
}
