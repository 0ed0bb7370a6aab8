import type { Context } from "../context.ts"
import { refusal } from "../errors.ts"
import { header } from "../http/incoming.ts"
import { type Call, noContent, type Reply } from "../http/reply.ts"
import { objectAt, removeObject } from "../store/buckets.ts"
import { namesEtag } from "./conditions.ts"
import { bucketOf } from "./lookup.ts"
import { refuseVersion } from "./version.ts"

/** Deleting what isn't there is a success, unless `If-Match` asked for it. */
export function deleteObject(context: Context, call: Call): Reply {
  const bucket = bucketOf(context, call)
  refuseVersion(call.incoming.target.query.get("versionId"))
  const ifMatch = header(call.incoming, "if-match")
  const before = objectAt(bucket, call.key)
  if (ifMatch !== undefined && !before) throw refusal("NoSuchKey", undefined, { Key: call.key })
  if (ifMatch !== undefined && before && !namesEtag(ifMatch, before.etag))
    throw refusal("PreconditionFailed", undefined, { Condition: "If-Match" })
  removeObject(context, bucket, call.key)
  return noContent
}
