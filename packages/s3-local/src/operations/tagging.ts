import type { Context } from "../context.ts"
import { refusal } from "../errors.ts"
import { type Call, noContent, ok, type Reply } from "../http/reply.ts"
import { commitObject, requireObject } from "../store/buckets.ts"
import type { Tag } from "../store/records.ts"
import { document, element, leaf } from "../xml.ts"
import { readXml } from "../xml-read.ts"
import { bucketOf } from "./lookup.ts"
import { readBody } from "./read-body.ts"
import { checkTags } from "./tags.ts"
import { refuseVersion } from "./version.ts"

export function getObjectTagging(context: Context, call: Call): Reply {
  refuseVersion(call.incoming.target.query.get("versionId"))
  const { tags } = requireObject(bucketOf(context, call), call.key)
  const set = tags.map(([key, value]) => element("Tag", leaf("Key", key), leaf("Value", value)))
  return ok(document("Tagging", element("TagSet", ...set)))
}

export async function putObjectTagging(context: Context, call: Call): Promise<Reply> {
  const tags = readTagging(await readBody(call))
  setTags(context, call, tags)
  return { status: 200 }
}

export function deleteObjectTagging(context: Context, call: Call): Reply {
  setTags(context, call, [])
  return noContent
}

/** Tags are no part of the content: ETag and Last-Modified stay. */
function setTags(context: Context, call: Call, tags: readonly Tag[]) {
  refuseVersion(call.incoming.target.query.get("versionId"))
  const bucket = bucketOf(context, call)
  const record = requireObject(bucket, call.key)
  context.depot.retain(record.blobs)
  commitObject(context, bucket, { ...record, tags }, () => {})
}

function readTagging(body: string): readonly Tag[] {
  const sets = readXml(body, "Tagging").all("TagSet")
  const [set] = sets
  if (!set || sets.length > 1) throw refusal("MalformedXML")
  return checkTags(
    set.all("Tag").map((tag): Tag => {
      const [key, value] = [tag.one("Key"), tag.one("Value")]
      if (key === undefined || value === undefined) throw refusal("MalformedXML")
      return [key, value]
    }),
  )
}
