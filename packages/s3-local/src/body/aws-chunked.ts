import { createHash } from "node:crypto"
import { same } from "../auth/authenticate.ts"
import { hmacHex } from "../auth/canonical.ts"
import { refusal } from "../errors.ts"
import { type Reader, readerOf } from "./reader.ts"

/**
 * The body format of STREAMING-* payloads (Amazon S3 API Reference: "Signature calculations: transferring payload
 * in multiple chunks", with and without trailing headers).
 */
export type ChunkedOptions = {
  readonly trailer: boolean
  /** Present when each chunk is signed; signatures form a chain that begins with the request's own. */
  readonly chain?: ChunkChain
  /** Called with each trailing header, after the last chunk. */
  readonly onTrailer: (name: string, value: string) => void
}

export type ChunkChain = {
  readonly signingKey: Buffer
  readonly amzDate: string
  readonly scope: string
  readonly seed: string
}

const minChunkBytes = 8192
const maxLineBytes = 1024
const maxTrailers = 16
const emptyHash = createHash("sha256").digest("hex")

/** The payload without its framing; throws at the first chunk whose signature or form is wrong. */
export async function* decodeAwsChunked(source: AsyncIterable<Buffer>, options: ChunkedOptions) {
  const reader = readerOf(source)
  const { chain } = options
  let signature = chain?.seed ?? ""
  let short = false
  try {
    for (;;) {
      const chunk = readChunkHeader(await reader.line(maxLineBytes, malformedChunk), chain !== undefined)
      if (short && chunk.size > 0) throw refusal("InvalidChunkSizeError")
      short = chunk.size < minChunkBytes
      const hash = chain && createHash("sha256")
      for (let left = chunk.size; left > 0; ) {
        const piece = await reader.some(left)
        hash?.update(piece)
        left -= piece.length
        yield piece
      }
      if (chain && hash) {
        const text = `AWS4-HMAC-SHA256-PAYLOAD\n${chain.amzDate}\n${chain.scope}\n${signature}\n${emptyHash}\n${hash.digest("hex")}`
        signature = hmacHex(chain.signingKey, text)
        if (!same(signature, chunk.signature)) throw wrongSignature(text, chunk.signature)
      }
      if (chunk.size === 0) break
      if ((await reader.line(0, malformedChunk)) !== "") throw malformedChunk()
    }
    if (options.trailer) await readTrailers(reader, options, signature)
    if (!options.trailer) await readEnd(reader)
    if (!(await reader.ended())) throw malformedChunk()
  } finally {
    await reader.close()
  }
}

const malformedChunk = () =>
  refusal("IncompleteBody", "The request body is not in the aws-chunked format that it announces")

function readChunkHeader(line: string, signed: boolean) {
  const match = /^([0-9a-fA-F]{1,10})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line)
  if (!match?.[1] || (match[2] !== undefined) !== signed) throw malformedChunk()
  return { size: Number.parseInt(match[1], 16), signature: match[2] ?? "" }
}

/** Some clients leave the last CRLF away. */
async function readEnd(reader: Reader) {
  if (await reader.ended()) return
  if ((await reader.line(0, malformedChunk)) !== "") throw malformedChunk()
}

/** `name:value` lines, an `x-amz-trailer-signature` line if signed, an empty line. */
async function readTrailers(reader: Reader, { chain, onTrailer }: ChunkedOptions, before: string) {
  const refuse = () => refusal("MalformedTrailerError")
  let signedText = ""
  let signature: string | undefined
  for (let count = 0; !(await reader.ended()); count++) {
    const line = await reader.line(maxLineBytes, refuse)
    if (line === "") break
    const at = line.indexOf(":")
    const name = line.slice(0, at).trim().toLowerCase()
    const value = line.slice(at + 1).trim()
    if (at < 1 || count > maxTrailers) throw refuse()
    if (name === "x-amz-trailer-signature") signature = value
    if (name === "x-amz-trailer-signature") continue
    signedText += `${name}:${value}\n`
    onTrailer(name, value)
  }
  if (!chain) return
  const hash = createHash("sha256").update(signedText, "latin1").digest("hex")
  const text = `AWS4-HMAC-SHA256-TRAILER\n${chain.amzDate}\n${chain.scope}\n${before}\n${hash}`
  if (signature === undefined) throw refuse()
  if (!same(hmacHex(chain.signingKey, text), signature)) throw wrongSignature(text, signature)
}

const wrongSignature = (text: string, provided: string) =>
  refusal("SignatureDoesNotMatch", undefined, { StringToSign: text, SignatureProvided: provided })
