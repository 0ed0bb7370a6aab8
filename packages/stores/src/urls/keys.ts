import { createHash } from "node:crypto"
import { Fault } from "@imgmigrator/core/fault"
import { quoted } from "@imgmigrator/core/outcome"

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const control = /[\u0000-\u001f\u007f]/

/** What keeps a name of a list from being a key at a destination, as the item's own fault. */
export function keyFault(key: string): Fault | undefined {
  const why = flawOf(key)
  return why === undefined
    ? undefined
    : new Fault("invalid", "source.name", `The destination name ${quoted(key)} ${why}.`)
}

function flawOf(key: string): string | undefined {
  if (key === "") return "is empty"
  if (key.startsWith("/")) return "begins with a slash"
  if (key.endsWith("/")) return "ends with a slash"
  if (/(^|\/)\.{1,2}(\/|$)/.test(key)) return "holds . or .. as a folder"
  if (control.test(key)) return "holds a control character"
  if (!key.isWellFormed()) return "is no valid Unicode"
  if (key.length > 341 && Buffer.byteLength(key) > 1024) return "is longer than 1,024 bytes"
}

/** Parts of a query that sign or track, and change from one day to the next while the image stays. */
const passing =
  /^(x-amz-|x-goog-|x-oss-|utm_)|^(awsaccesskeyid|googleaccessid|signature|expires|policy|key-pair-id|token|sig|se|sp|sv|sr|st|spr|skoid|sktid|skt|ske|sks|skv|fbclid|gclid)$/i

/**
 * Where an address goes that brings no name: its host and path, percent-decoded, such as
 * `images.example/2024/a b.jpg`. What would be unsafe stays encoded; a query that tells images apart (all of it that
 * does not sign or track) adds 8 hex digits of its SHA-256 before the ending: `photo~1f2e3d4c.jpg`.
 */
export function defaultKey(url: URL): string {
  const host = url.host.replace(/^\[|\]/g, "").replaceAll(":", "_")
  const segments = url.pathname.slice(1).split("/").map(readable)
  if (segments.at(-1) === "_") segments[segments.length - 1] = "index"
  const query = [...url.searchParams].filter(([name]) => !passing.test(name))
  const key = `${host}/${segments.join("/")}`
  if (query.length === 0) return key
  const mark = createHash("sha256").update(JSON.stringify(query)).digest("hex").slice(0, 8)
  const ending = /\.[A-Za-z0-9]{1,8}$/.exec(key)?.[0] ?? ""
  return `${key.slice(0, key.length - ending.length)}~${mark}${ending}`
}

/** An encoded slash, control character or dot segment must not come to life; an empty segment has no name. */
function readable(segment: string): string {
  if (segment === "") return "_"
  try {
    const decoded = decodeURIComponent(segment)
    return decoded.includes("/") || control.test(decoded) || /^\.{1,2}$/.test(decoded) ? segment : decoded
  } catch {
    return segment
  }
}
