import { isUtf8 } from "node:buffer"
import type { IncomingHttpHeaders } from "node:http"
import { formatMtime, parseMtime } from "../mtime.ts"
import type { Checksum, Description, Facts } from "../store.ts"

const prefix = "x-amz-meta-"
const standard = [
  ["contentType", "content-type"],
  ["cacheControl", "cache-control"],
  ["contentDisposition", "content-disposition"],
  ["contentEncoding", "content-encoding"],
  ["contentLanguage", "content-language"],
] as const

/** A description as S3's headers, flat. */
export function toHeaders(description: Description): string[] {
  const headers: string[] = []
  for (const [field, name] of standard) {
    const value = description[field]
    if (value) headers.push(name, value)
  }
  const mtime =
    description.mtimeExact ?? (description.mtime === undefined ? undefined : formatMtime(description.mtime))
  if (mtime !== undefined) headers.push(`${prefix}mtime`, mtime)
  for (const [name, value] of Object.entries(description.metadata ?? {}))
    headers.push(prefix + name, toWords(value))
  return headers
}

/** An object's facts from the headers of a GET or HEAD. Without `x-amz-meta-mtime` its mtime is when it was written. */
export function factsOf(key: string, headers: IncomingHttpHeaders, size: number): Facts {
  const text = (name: string) => (typeof headers[name] === "string" ? headers[name] : undefined)
  const written = Date.parse(text("last-modified") ?? "")
  const etag = unquoted(text("etag"))
  const facts: { -readonly [K in keyof Facts]: Facts[K] } = { key, size }
  if (etag !== undefined) facts.etag = etag
  if (!Number.isNaN(written)) facts.written = written
  for (const [field, name] of standard) {
    const value = text(name)
    if (value) facts[field] = value
  }
  let metadata: Record<string, string> | undefined
  let exact: string | undefined
  for (const name in headers) {
    const value = headers[name]
    if (!name.startsWith(prefix) || typeof value !== "string") continue
    if (name === "x-amz-meta-mtime") exact = value
    else metadata = { ...metadata, [name.slice(prefix.length)]: fromWords(value) }
  }
  const mtime = exact === undefined ? undefined : parseMtime(exact)
  if (mtime !== undefined && exact !== undefined) {
    facts.mtime = mtime
    facts.mtimeExact = exact
  } else if (!Number.isNaN(written)) facts.mtime = written
  if (metadata) facts.metadata = metadata
  const checksum = checksumOf(headers, etag)
  if (checksum) facts.checksum = checksum
  return facts
}

export const unquoted = (etag: string | undefined) => etag?.replace(/^"|"$/g, "")

/** The strongest checksum of the whole object that the answer tells. A composite one (`…-3`) is of the parts, so of no use. */
export function checksumOf(headers: IncomingHttpHeaders, etag: string | undefined): Checksum | undefined {
  const whole = headers["x-amz-checksum-type"] !== "COMPOSITE"
  for (const algorithm of ["sha256", "crc64nvme"] as const) {
    const value = headers[`x-amz-checksum-${algorithm}`]
    if (whole && typeof value === "string" && !value.includes("-")) return { algorithm, value }
  }
  // Encrypted by KMS or the customer's key, an ETag is no MD5 (Amazon S3 API Reference: Object, ETag).
  const encryption = headers["x-amz-server-side-encryption"] ?? "AES256"
  const isMd5 = etag !== undefined && /^[0-9a-f]{32}$/.test(etag) && encryption === "AES256"
  if (!isMd5 || headers["x-amz-server-side-encryption-customer-algorithm"]) return undefined
  return { algorithm: "md5", value: Buffer.from(etag, "hex").toString("base64") }
}

/**
 * Metadata beyond ASCII goes over the wire as RFC 2047 encoded words of at most 75 characters, which S3 decodes when it
 * stores and makes again when it answers (Amazon S3 User Guide: User-defined object metadata).
 */
function toWords(value: string): string {
  if (!/[^ -~]/.test(value)) return value
  const words: string[] = []
  let word = ""
  for (const character of value) {
    if (Buffer.byteLength(word + character) > 45) {
      words.push(word)
      word = ""
    }
    word += character
  }
  return [...words, word].map((each) => `=?UTF-8?B?${Buffer.from(each).toString("base64")}?=`).join(" ")
}

const notPlain = /[^ -~]|=\?/

/** Headers come as Latin-1; some servers send metadata as plain UTF-8. */
function fromWords(header: string): string {
  if (!notPlain.test(header)) return header
  const bytes = Buffer.from(header, "latin1")
  const text = isUtf8(bytes) ? bytes.toString() : header
  return text
    .replace(/(\?=)\s+(?==\?)/g, "$1")
    .replace(/=\?utf-8\?([bq])\?([^? ]*)\?=/gi, (_, encoding: string, word: string) =>
      encoding.toLowerCase() === "b" ? Buffer.from(word, "base64").toString() : fromQuotedPrintable(word),
    )
}

const fromQuotedPrintable = (word: string) =>
  Buffer.from(
    word
      .replaceAll("_", " ")
      .replace(/=([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  ).toString()
