import { refusal } from "../errors.ts"
import { header, type Incoming } from "../http/incoming.ts"
import type { Headers } from "../http/reply.ts"
import type { Description, ObjectRecord } from "../store/records.ts"
import { quoted } from "../xml.ts"
import { readTagHeader } from "./tags.ts"

export const contentHeaders = [
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-type",
  "expires",
] as const

const storageClasses = new Set([
  ...["STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING"],
  ...["GLACIER", "DEEP_ARCHIVE", "GLACIER_IR"],
])

const maxMetadataBytes = 2048
const metaPrefix = "x-amz-meta-"

/** What PutObject, CreateMultipartUpload and CopyObject say of an object. */
export function readDescription(incoming: Incoming): Description {
  refuseUnsupported(incoming)
  const storageClass = header(incoming, "x-amz-storage-class") ?? "STANDARD"
  if (!storageClasses.has(storageClass))
    throw refusal("InvalidStorageClass", undefined, { StorageClassRequested: storageClass })
  return {
    headers: readContentHeaders(incoming),
    metadata: readMetadata(incoming),
    tags: readTagHeader(header(incoming, "x-amz-tagging")),
    storageClass,
  }
}

/** `aws-chunked` is how the body travels, not what it is: S3 takes it out of the stored Content-Encoding. */
function readContentHeaders(incoming: Incoming): Record<string, string> {
  const entries = contentHeaders.flatMap((name) => {
    const value = header(incoming, name)
    const kept = name === "content-encoding" ? withoutAwsChunked(value) : value
    return kept ? [[name, kept] as const] : []
  })
  return entries.length === 0 ? plainHeaders : { ...plainHeaders, ...Object.fromEntries(entries) }
}

/** Shared by the many objects that have nothing else. */
const plainHeaders = { "content-type": "binary/octet-stream" }
const noMetadata = {}

const withoutAwsChunked = (value: string | undefined) =>
  value
    ?.split(",")
    .map((coding) => coding.trim())
    .filter((coding) => coding && coding !== "aws-chunked")
    .join(",")

/** At most 2 KB of names and values, without the prefix (Amazon S3 User Guide: User-defined object metadata). */
function readMetadata(incoming: Incoming): Record<string, string> {
  const entries = Object.keys(incoming.headers)
    .filter((name) => name.startsWith(metaPrefix))
    .map((name) => [name.slice(metaPrefix.length), header(incoming, name) ?? ""] as const)
  const size = entries.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  if (size > maxMetadataBytes)
    throw refusal("MetadataTooLarge", undefined, { Size: size, MaxSizeAllowed: maxMetadataBytes })
  return entries.length === 0 ? noMetadata : Object.fromEntries(entries)
}

/** What this server can't do must not look as if it had been done. */
function refuseUnsupported(incoming: Incoming) {
  const acl = header(incoming, "x-amz-acl")
  const grants = Object.keys(incoming.headers).some((name) => name.startsWith("x-amz-grant-"))
  if (grants || (acl !== undefined && acl !== "private" && acl !== "bucket-owner-full-control"))
    throw refusal("AccessControlListNotSupported")
  const encryption = header(incoming, "x-amz-server-side-encryption")
  const refused = Object.keys(incoming.headers).find(
    (name) =>
      name.startsWith("x-amz-object-lock-") ||
      name.startsWith("x-amz-server-side-encryption-customer-") ||
      name === "x-amz-write-offset-bytes" ||
      name === "x-amz-website-redirect-location",
  )
  if (refused !== undefined || (encryption !== undefined && encryption !== "AES256"))
    throw refusal("NotImplemented", undefined, { Header: refused ?? "x-amz-server-side-encryption" })
}

/** The headers of GET and HEAD that describe the object, without its size. */
export function describe(record: ObjectRecord): Headers {
  const metadata = Object.entries(record.metadata).map(([name, value]) => [
    metaPrefix + name,
    mailSafe(value),
  ])
  return {
    ...record.headers,
    ...Object.fromEntries(metadata),
    ETag: quoted(record.etag),
    "Last-Modified": new Date(record.lastModified).toUTCString(),
    "Accept-Ranges": "bytes",
    "x-amz-server-side-encryption": "AES256",
    ...(record.storageClass !== "STANDARD" && { "x-amz-storage-class": record.storageClass }),
    ...(record.tags.length > 0 && { "x-amz-tagging-count": record.tags.length }),
  }
}

/** S3 sends metadata beyond ASCII back as RFC 2047 encoded words, of the bytes taken for Latin-1 (Amazon S3 User Guide: User-defined object metadata, its example). */
const mailSafe = (value: string) =>
  /^[\x20-\x7e\t]*$/.test(value) ? value : `=?UTF-8?B?${Buffer.from(value, "utf8").toString("base64")}?=`
