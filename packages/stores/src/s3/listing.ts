import { Fault } from "@imgmigrator/core/fault"
import type { Entry } from "../store.ts"
import { elements, elementText, fromEntities } from "./xml.ts"

/** `next`: the token of the page behind. `last`: the last key, of which `entries` may have left out some. */
export type Page = { readonly entries: readonly Entry[]; readonly last?: string; readonly next?: string }

/** Of a page, so much is made a string at once: a whole one would be new memory for each page, not the young generation's. */
const pieceBytes = 16 * 1024
const contents = "</Contents>"

/**
 * A page of ListObjectsV2 by search instead of a parser: about 2 µs a key. Keys come relative to `prefix`. What is the
 * prefix itself, or an empty object that only marks a folder (a key that ends in a slash), is no image and left out.
 */
export function readPage(xml: Buffer, prefix: string, store: string): Page {
  if (xml.lastIndexOf("</ListBucketResult>") < 0) throw broken(store, "is cut short")
  const first = xml.indexOf("<Contents>")
  const from = first < 0 ? xml.length : first
  const to = Math.max(from, xml.lastIndexOf(contents))
  // All that is said of the page stands before its objects or behind them.
  const about = xml.toString("utf8", 0, from) + xml.toString("utf8", to)
  const decode = elementText(about, "EncodingType") === "url" ? fromUrl : fromEntities
  const entries: Entry[] = []
  let last: { readonly last?: string } = {}
  for (const object of objects(xml, from, store)) {
    const key = decode(between(object, "<Key>", "</Key>"))
    if (!key?.startsWith(prefix))
      throw broken(store, key === undefined ? "has a key that is no text" : "has keys of another prefix")
    const size = Number(between(object, "<Size>", "</Size>"))
    if (!key.endsWith("/") || size > 0) entries.push(entryOf(key.slice(prefix.length), size, object))
    last = { last: key.slice(prefix.length) }
  }
  if (elementText(about, "IsTruncated") !== "true") return { entries, ...last }
  const next = elementText(about, "NextContinuationToken")
  if (!next) throw broken(store, "goes on, yet the store does not say where")
  return { entries, ...last, next }
}

/** The insides of all `<Contents>` from there on. */
function* objects(xml: Buffer, from: number, store: string): Generator<string> {
  for (let at = from; at >= 0 && at < xml.length; ) {
    const whole = xml.lastIndexOf(contents, at + pieceBytes)
    const end = whole > at ? whole : xml.indexOf(contents, at)
    if (end < 0) throw broken(store, "is cut short")
    yield* elements(xml.toString("utf8", at, end + contents.length), "Contents")
    at = xml.indexOf("<Contents>", end)
  }
}

function entryOf(key: string, size: number, object: string): Entry {
  const etag = between(object, "<ETag>", "</ETag>")
  // As nearly all have it, without a look for other entities.
  const isQuoted = etag.startsWith("&quot;") && etag.endsWith("&quot;")
  const bare = fromEntities(isQuoted ? etag.slice(6, -6) : etag)
  return {
    key,
    size,
    etag: bare.startsWith('"') ? bare.slice(1, -1) : bare,
    written: Date.parse(between(object, "<LastModified>", "</LastModified>")),
  }
}

function between(xml: string, open: string, close: string): string {
  const from = xml.indexOf(open) + open.length
  const end = xml.indexOf(close, from)
  return end < 0 ? "" : xml.slice(from, end)
}

/** `encoding-type=url` writes a space as `+` (Amazon S3 API Reference: ListObjectsV2). */
function fromUrl(text: string): string | undefined {
  if (!text.includes("%") && !text.includes("+")) return text
  try {
    return decodeURIComponent(text.replaceAll("+", " "))
  } catch {
    return undefined
  }
}

export const broken = (store: string, how: string) =>
  new Fault("corrupt", "listing.broken", `The listing of ${store} ${how}.`, { scope: "store" })
