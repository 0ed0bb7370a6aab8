import type { Context } from "../context.ts"
import { refusal } from "../errors.ts"
import { header, type Incoming } from "../http/incoming.ts"
import { fromLatin1 } from "../http/target.ts"
import { requireObject } from "../store/buckets.ts"
import type { ObjectRecord } from "../store/records.ts"
import { checkCopySource } from "./conditions.ts"
import { bucketNamed } from "./lookup.ts"
import { refuseVersion } from "./version.ts"

export type Source = { readonly bucket: string; readonly record: ObjectRecord }

/** Finds what `x-amz-copy-source: [/]bucket/key[?versionId=…]` (URL-encoded) names, and checks the conditions on it. */
export function copySource(context: Context, incoming: Incoming): Source {
  const { bucket, key, versionId } = readSource(header(incoming, "x-amz-copy-source") ?? "")
  refuseVersion(versionId)
  const record = requireObject(bucketNamed(context, bucket), key)
  checkCopySource(incoming, record, context.now())
  return { bucket, record }
}

function readSource(text: string) {
  const [path = "", version] = text.split(/\?versionId=(?=[^?]*$)/)
  const decoded = decode(path).replace(/^\//, "")
  const at = decoded.indexOf("/")
  if (at < 1 || at === decoded.length - 1)
    throw refusal("InvalidArgument", "Invalid copy source object key", {
      ArgumentName: "x-amz-copy-source",
      ArgumentValue: text,
    })
  return { bucket: decoded.slice(0, at), key: decoded.slice(at + 1), versionId: version }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(fromLatin1(text))
  } catch {
    throw refusal("InvalidArgument", "Invalid copy source encoding.", { ArgumentName: "x-amz-copy-source" })
  }
}
