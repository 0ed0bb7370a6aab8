import { Fault } from "./fault.ts"
import type { NormalStoreRef } from "./store-ref.ts"

/** A URI as the object that it stands for, not yet checked. No message repeats a value, since it may hold a secret. */
export function readUri(uri: string): unknown {
  if (/^(\/|\.{1,2}(\/|$))/.test(uri)) return { type: "file", path: uri }
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(uri)?.[1]?.toLowerCase()
  if (scheme === "s3") return readS3(uri)
  if (scheme === "http" || scheme === "https") return { type: "list", url: uri }
  if (scheme === "file") return { type: "file", path: filePath(uri.slice(5)) }
  const known = "s3://bucket/prefix, https://host/list.csv (.tsv, .ndjson, .txt, .xml) or file:/path"
  if (!scheme) return refuse(`no scheme; write ${known}`, "store.scheme")
  return refuse(`the scheme ${scheme.slice(0, 32)}: is not known; write ${known}`, "store.scheme")
}

const fields = ["endpoint", "region", "credentials", "path_style", "verify"]

function readS3(uri: string) {
  const [, bucket = "", path = "", query = ""] = /^s3:\/\/([^/?]*)\/?([^?]*)\??(.*)$/is.exec(uri) ?? []
  if (!bucket) return refuse("bucket: missing; write s3://bucket/prefix")
  if (bucket.includes("@"))
    return refuse("bucket: credentials do not belong in a URI; name a set of them with ?credentials=NAME")
  const ref: Record<string, unknown> = { type: "s3", bucket, prefix: decode(path, "prefix") }
  for (const [name, value] of new URLSearchParams(query)) {
    if (!fields.includes(name))
      return refuse(`${name.slice(0, 32)}: is not known; an s3 store may have ${fields.join(", ")}`)
    ref[name] = name === "path_style" && /^(true|false)$/.test(value) ? value === "true" : value
  }
  return ref
}

function filePath(rest: string): string {
  const [, host, path = rest] = /^\/\/([^/]*)(.*)$/s.exec(rest) ?? []
  if (host && host !== "localhost")
    return refuse("path: names a host; write file:/path for a folder of this machine")
  return decode(path, "path")
}

function decode(value: string, field: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return refuse(`${field}: holds a % that encodes nothing; write % as %25`)
  }
}

export const refuse = (message: string, code = "store.invalid"): never => {
  throw new Fault("invalid", code, message)
}

/** For people and logs: no credentials, no query values. */
export function storeUri(ref: NormalStoreRef): string {
  if (ref.type === "file") return `file:${ref.path}`
  if (ref.type === "urls") return `urls:${ref.urls.length}`
  if (ref.type === "list")
    return `${new URL(ref.url).origin}${new URL(ref.url).pathname}${ref.url.includes("?") ? "?…" : ""}`
  const query = new URLSearchParams({
    ...(ref.endpoint && { endpoint: ref.endpoint }),
    ...(ref.region && { region: ref.region }),
  })
  const path = encodeURI(ref.prefix).replaceAll("?", "%3F")
  return `s3://${ref.bucket}/${path}${query.size ? `?${query}` : ""}`
}
