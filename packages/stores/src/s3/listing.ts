import { Fault } from "@imgmigrator/core/fault"
import type { Entry } from "../store.ts"
import { elementText, fromEntities } from "./xml.ts"

/** `next`: the token of the page behind. `last`: the last key, of which `entries` may have left out some. */
export type Page = { readonly entries: readonly Entry[]; readonly last?: string; readonly next?: string }

/**
 * A page of ListObjectsV2 by search instead of a parser: about 2 µs a key. Keys come relative to `prefix`. What is the
 * prefix itself, or an empty object that only marks a folder (a key that ends in a slash), is no image and left out.
 */
export function readPage(xml: string, prefix: string, store: string): Page {
  if (!xml.includes("</ListBucketResult>")) throw broken(store, "is cut short")
  const decode = elementText(xml, "EncodingType") === "url" ? fromUrl : fromEntities
  const entries: Entry[] = []
  let last: { readonly last?: string } = {}
  for (let at = xml.indexOf("<Contents>"); at >= 0; ) {
    const end = xml.indexOf("</Contents>", at)
    if (end < 0) throw broken(store, "is cut short")
    const object = xml.slice(at + 10, end)
    const key = decode(between(object, "<Key>", "</Key>"))
    if (!key?.startsWith(prefix))
      throw broken(store, key === undefined ? "has a key that is no text" : "has keys of another prefix")
    const size = Number(between(object, "<Size>", "</Size>"))
    if (!key.endsWith("/") || size > 0) entries.push(entryOf(key.slice(prefix.length), size, object))
    last = { last: key.slice(prefix.length) }
    at = xml.indexOf("<Contents>", end)
  }
  if (elementText(xml, "IsTruncated") !== "true") return { entries, ...last }
  const next = elementText(xml, "NextContinuationToken")
  if (!next) throw broken(store, "goes on, yet the store does not say where")
  return { entries, ...last, next }
}

function entryOf(key: string, size: number, object: string): Entry {
  const etag = between(object, "<ETag>", "</ETag>")
  const quoted = etag.startsWith("&quot;") || etag.startsWith("&#34;") ? fromEntities(etag) : etag
  return {
    key,
    size,
    etag: quoted.startsWith('"') ? quoted.slice(1, -1) : quoted,
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
