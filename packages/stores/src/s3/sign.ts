import { createHmac, hash } from "node:crypto"
import type { Credentials } from "../settings.ts"

/** The SHA-256 of nothing. */
export const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
export const unsignedPayload = "UNSIGNED-PAYLOAD"

export type Unsigned = {
  readonly method: string
  /** Encoded as S3 wants it signed: once, each segment (`encodeKey`). */
  readonly path: string
  /** Encoded and sorted, without `?`. */
  readonly query: string
  /** Lower-case name, value, …; all of them are signed, but for values beyond ASCII, which proxies may recode. */
  readonly headers: readonly string[]
  /** Of the body in hex, or `UNSIGNED-PAYLOAD`. */
  readonly payload: string
}

/** Signs requests of one store: returns their headers with those of the signature, in undici's flat form. */
export type Signer = (request: Unsigned, now: number) => string[]

/**
 * AWS Signature Version 4 in headers (AWS IAM User Guide: Create a signed AWS API request). The signing key is derived
 * once a day, the date is written once a second; a signature costs three hashes of less than a kilobyte together.
 */
export function signer(host: string, region: string, credentials: Credentials): Signer {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  let second = -1
  let time = ""
  let scope = ""
  let mac: ((text: string) => string) | undefined

  function turnClock(now: number) {
    second = Math.floor(now / 1000)
    time = `${new Date(second * 1000).toISOString().replace(/\.000|[-:]/g, "")}`
    const date = time.slice(0, 8)
    if (scope.startsWith(date)) return
    scope = `${date}/${region}/s3/aws4_request`
    const parts = [date, region, "s3", "aws4_request"]
    const secret = parts.reduce(
      (secret: string | Buffer, part) => hmac(secret, part),
      `AWS4${secretAccessKey}`,
    )
    mac = macOf(Buffer.from(secret))
  }

  return ({ method, path, query, headers, payload }, now) => {
    if (Math.floor(now / 1000) !== second || !mac) turnClock(now)
    if (!mac) throw new Error("no signing key")
    const all = [...headers, "x-amz-content-sha256", payload, "x-amz-date", time]
    if (sessionToken !== undefined) all.push("x-amz-security-token", sessionToken)
    const { canonical, names } = canonicalHeaders(host, all)
    const text = `${method}\n${path}\n${query}\n${canonical}\n${names}\n${payload}`
    const wanted = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hash("sha256", text)}`
    all.push(
      "authorization",
      `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${mac(wanted)}`,
    )
    return all
  }
}

const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest()

/** A block of SHA-256, in bytes. */
const block = 64

/**
 * HMAC-SHA-256 in hex of ASCII texts under one key of at most 64 bytes (RFC 2104), as two hashes: Node's own makes an
 * object outside V8's heap each time, which costs more than both.
 */
function macOf(key: Buffer): (text: string) => string {
  const padded = (pad: number, length: number) => {
    const bytes = Buffer.alloc(length, pad)
    for (const [at, byte] of key.entries()) bytes[at] = byte ^ pad
    return bytes
  }
  const [inner, outer] = [padded(0x36, block), padded(0x5c, block + 32)]
  return (text) => {
    hash("sha256", Buffer.concat([inner, Buffer.from(text, "latin1")]), "buffer").copy(outer, block)
    return hash("sha256", outer)
  }
}

function canonicalHeaders(host: string, headers: readonly string[]) {
  const names = ["host"]
  const values = [host]
  for (let at = 0; at < headers.length; at += 2) {
    const value = headers[at + 1] ?? ""
    if (!isSignable(value)) continue
    names.push(headers[at] ?? "")
    values.push(value.trim().replace(/ {2,}/g, " "))
  }
  const { order, signed } = arrangement(names)
  let canonical = ""
  for (const index of order) canonical += `${names[index]}:${values[index]}\n`
  return { canonical, names: signed }
}

type Arrangement = { readonly order: readonly number[]; readonly signed: string }
const arrangements = new Map<string, Arrangement>()

/** The order of these names. Requests of a kind have the same names a thousand times: sorting costs as much as hashing. */
function arrangement(names: readonly string[]): Arrangement {
  const id = names.join(";")
  const known = arrangements.get(id)
  if (known) return known
  const sorted = names.map((name, index) => ({ name, index })).sort((a, b) => (a.name < b.name ? -1 : 1))
  const found = { order: sorted.map(({ index }) => index), signed: sorted.map(({ name }) => name).join(";") }
  // Users' metadata have names of their own.
  if (arrangements.size >= 1_000) arrangements.clear()
  arrangements.set(id, found)
  return found
}

const isSignable = (value: string) => !/[^ -~]/.test(value)

/** A key as it stands in paths and signatures: UTF-8, all but letters, digits and `-._~/` in percent form. */
export const encodeKey = (key: string) =>
  /^[\w\-.~/]*$/.test(key) ? key : encode(key).replaceAll("%2F", "/")

/** The same for a value in a query, where `/` is encoded too. */
export const encode = (text: string) =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
