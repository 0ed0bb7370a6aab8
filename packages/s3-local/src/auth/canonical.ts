import { createHash, createHmac } from "node:crypto"
import type { Target } from "../http/target.ts"

/** AWS documentation: "Create a signed AWS API request"; S3 encodes the path once and doesn't normalise it. */
export type Scope = { readonly date: string; readonly region: string; readonly service: string }

export const scopeText = ({ date, region, service }: Scope) => `${date}/${region}/${service}/aws4_request`

export type Signable = {
  readonly method: string
  readonly target: Target
  /** Lower-case name → the values of that header as sent, in Latin-1. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly signedHeaders: readonly string[]
  readonly payloadHash: string
}

const unreserved = /^[A-Za-z0-9\-._~]*$/
const unreservedPath = /^[A-Za-z0-9\-._~/]*$/

/** Percent-encodes all but RFC 3986's unreserved characters. */
export function encode(text: string): string {
  if (unreserved.test(text)) return text
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

export const encodePath = (path: string) =>
  unreservedPath.test(path) ? path : path.split("/").map(encode).join("/")

export function canonicalRequest({ method, target, headers, signedHeaders, payloadHash }: Signable): string {
  const query = target.pairs
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join("&")
  const lines = signedHeaders.map((name) => `${name}:${(headers.get(name) ?? []).map(trimmed).join(",")}\n`)
  return `${method}\n${encodePath(target.path)}\n${query}\n${lines.join("")}\n${signedHeaders.join(";")}\n${payloadHash}`
}

/** Spaces only: `trim` would take bytes above 127 for some. */
const trimmed = (value: string) => value.replace(/^[ \t]+|[ \t]+$/g, "").replace(/ {2,}/g, " ")

/** `text` is in Latin-1, so that header bytes above 127 are hashed as they were sent. */
export const stringToSign = (amzDate: string, scope: Scope, text: string) =>
  `AWS4-HMAC-SHA256\n${amzDate}\n${scopeText(scope)}\n${createHash("sha256").update(text, "latin1").digest("hex")}`

export const hmacHex = (key: Buffer, text: string) => createHmac("sha256", key).update(text).digest("hex")

/** Derives signing keys and keeps the last few: deriving one costs four HMACs, and each is good for a day. */
export function signingKeys(secretAccessKey: string): (scope: Scope) => Buffer {
  const known = new Map<string, Buffer>()
  return (scope) => {
    const name = scopeText(scope)
    const key = known.get(name) ?? deriveKey(secretAccessKey, scope)
    if (known.size > 16) known.clear()
    known.set(name, key)
    return key
  }
}

function deriveKey(secret: string, { date, region, service }: Scope): Buffer {
  const hmac = (key: Buffer | string, text: string) => createHmac("sha256", key).update(text).digest()
  return hmac(hmac(hmac(hmac(`AWS4${secret}`, date), region), service), "aws4_request")
}
