import { refusal } from "../errors.ts"
import { header, type Incoming } from "../http/incoming.ts"
import type { ObjectRecord } from "../store/records.ts"

const failed = (condition: string) => refusal("PreconditionFailed", undefined, { Condition: condition })

/** Does a header such as `"abc", W/"def"` or `*` name this ETag? Quotes may be left away. */
export const namesEtag = (text: string, etag: string) =>
  text.trim() === "*" || text.split(",").some((each) => each.trim().replace(/^(W\/)?"?|"$/g, "") === etag)

const refused = (header: string, additionalMessage: string) =>
  refusal("NotImplemented", undefined, { Header: header, additionalMessage })

/**
 * The check that a write makes of what is there, at the moment when it replaces it (Amazon S3 User Guide: Conditional
 * requests). `If-None-Match` takes only `*`, `If-Match` anything but that, and not both; `If-Match` on a key without
 * an object is NoSuchKey.
 */
export function writeCondition(incoming: Incoming): (before: ObjectRecord | undefined) => void {
  const ifNoneMatch = header(incoming, "if-none-match")
  const ifMatch = header(incoming, "if-match")
  if (ifNoneMatch !== undefined && ifMatch !== undefined)
    throw refused("If-Match,If-None-Match", "Multiple conditional request headers present in the request")
  const [name, value, good] =
    ifMatch === undefined
      ? ["If-None-Match", ifNoneMatch, ifNoneMatch?.trim() === "*"]
      : ["If-Match", ifMatch, ifMatch.trim() !== "*"]
  if (value !== undefined && !good)
    throw refused(name, `We don't accept the provided value of ${name} header for this API`)
  return (before) => {
    if (ifNoneMatch !== undefined && before) throw failed("If-None-Match")
    if (ifMatch === undefined) return
    if (!before) throw refusal("NoSuchKey", undefined, { Key: incoming.target.key })
    if (!namesEtag(ifMatch, before.etag)) throw failed("If-Match")
  }
}

/**
 * The same for completing an upload, which S3 answers with a conflict when the condition holds and yet the key was
 * written or deleted since the upload began: the upload must be done again (recorded from AWS by LocalStack's tests).
 */
export function completeCondition(incoming: Incoming, changedSince: () => boolean) {
  const check = writeCondition(incoming)
  const condition = ["if-match", "if-none-match"].find((name) => header(incoming, name) !== undefined)
  return (before: ObjectRecord | undefined) => {
    check(before)
    if (condition !== undefined && changedSince())
      throw refusal("ConditionalRequestConflict", undefined, {
        Condition: condition === "if-match" ? "If-Match" : "If-None-Match",
        Key: incoming.target.key,
      })
  }
}

/** What a GET or HEAD may be made to depend on (RFC 9110, 13.2.2: If-Match beats If-Unmodified-Since, If-None-Match beats If-Modified-Since). */
export function readCondition(
  incoming: Incoming,
  { etag, lastModified }: ObjectRecord,
): "send" | "not-modified" {
  const ifMatch = header(incoming, "if-match")
  const ifNoneMatch = header(incoming, "if-none-match")
  const unmodifiedSince = dateOf(header(incoming, "if-unmodified-since"))
  const modifiedSince = dateOf(header(incoming, "if-modified-since"))
  if (ifMatch !== undefined && !namesEtag(ifMatch, etag)) throw failed("If-Match")
  if (ifMatch === undefined && unmodifiedSince !== undefined && lastModified > unmodifiedSince)
    throw failed("If-Unmodified-Since")
  if (ifNoneMatch !== undefined) return namesEtag(ifNoneMatch, etag) ? "not-modified" : "send"
  return modifiedSince !== undefined && lastModified <= modifiedSince ? "not-modified" : "send"
}

/**
 * The same four for the source of a copy. Here all that don't hold are 412, each of them counts, and a
 * modified-since in the future is taken for absent (recorded from AWS by LocalStack's tests, in this order).
 */
export function checkCopySource(incoming: Incoming, { etag, lastModified }: ObjectRecord, now: number) {
  const value = (name: string) => header(incoming, `x-amz-copy-source-${name}`)
  const [ifMatch, ifNoneMatch] = [value("if-match"), value("if-none-match")]
  const unmodifiedSince = dateOf(value("if-unmodified-since"))
  const modifiedSince = dateOf(value("if-modified-since"))
  if (ifMatch !== undefined && !namesEtag(ifMatch, etag)) throw failed("x-amz-copy-source-If-Match")
  if (ifMatch === undefined && unmodifiedSince !== undefined && lastModified > unmodifiedSince)
    throw failed("x-amz-copy-source-If-Unmodified-Since")
  if (ifNoneMatch !== undefined && namesEtag(ifNoneMatch, etag))
    throw failed("x-amz-copy-source-If-None-Match")
  if (ifNoneMatch !== undefined || modifiedSince === undefined || modifiedSince > now) return
  if (lastModified <= modifiedSince) throw failed("x-amz-copy-source-If-Modified-Since")
}

/** A date that can't be read is taken for absent, as RFC 9110 asks. */
function dateOf(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? "")
  return Number.isNaN(time) ? undefined : time
}
