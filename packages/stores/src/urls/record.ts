import type { Checksum, Entry } from "../store.ts"
import { defaultKey, keyFault } from "./keys.ts"

/** One line of a list, in its own words. */
export type ListRecord = {
  readonly url: string
  readonly name?: string | undefined
  readonly size?: string | number | undefined
  readonly md5?: string | undefined
  readonly sha256?: string | undefined
  readonly checksum?: string | undefined
  readonly mtime?: string | number | undefined
}

/**
 * The line as an entry, or what is wrong with it in words that repeat no value. A name that can't be a key is the
 * item's own fault; all else that can't be understood is the list's.
 */
export function readRecord(record: ListRecord): Entry | string {
  const text = record.url.trim()
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) return "holds no http: or https: address"
  if (url.username || url.password) return "holds an address with a user name or password"
  const size = record.size === undefined || record.size === "" ? undefined : Number(record.size)
  if (size !== undefined && !(Number.isSafeInteger(size) && size >= 0))
    return "holds a size that is no whole number"
  const mtime = readTime(record.mtime)
  if (Number.isNaN(mtime)) return "holds a time that is neither ISO 8601 nor seconds since 1970"
  const checksum = readChecksum(record)
  if (typeof checksum === "string") return checksum
  const key = record.name || defaultKey(url)
  const fault = keyFault(key)
  return {
    key,
    address: url.href,
    ...(size !== undefined && { size }),
    ...(mtime !== undefined && { mtime }),
    ...(checksum && { checksum }),
    ...(fault && { fault }),
  }
}

/** Milliseconds; NaN for what is no time. */
function readTime(value: string | number | undefined): number | undefined {
  if (value === undefined || value === "") return undefined
  const text = String(value).trim()
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text)
}

function readChecksum({ md5, sha256, checksum = "" }: ListRecord): Checksum | string | undefined {
  const [, named, value = ""] = /^(?:(md5|sha-?256)[:=])?(.*)$/is.exec(checksum.trim()) ?? []
  const algorithm =
    named?.toLowerCase().replace("-", "") ?? (value.length === 32 || value.length === 24 ? "md5" : "sha256")
  const given = [
    ["sha256", sha256 || (algorithm === "sha256" && value), 32],
    ["md5", md5 || (algorithm === "md5" && value), 16],
  ] as const
  for (const [name, digest, length] of given) {
    if (!digest) continue
    const bytes =
      /^[0-9a-f]+$/i.test(digest) && digest.length === 2 * length
        ? Buffer.from(digest, "hex")
        : Buffer.from(digest, "base64")
    if (bytes.length !== length) return `holds a checksum that is no ${name} in hex or base64`
    return { algorithm: name, value: bytes.toString("base64") }
  }
}
