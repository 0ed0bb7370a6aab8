import { declaredChecksum } from "../checksums/declared.ts"
import type { Context } from "../context.ts"
import { refusal } from "../errors.ts"
import { header } from "../http/incoming.ts"
import { type Call, ok, type Reply } from "../http/reply.ts"
import { type Bucket, objectAt, removeObject } from "../store/buckets.ts"
import { document, element, leaf } from "../xml.ts"
import { type Node, readXml } from "../xml-read.ts"
import { namesEtag } from "./conditions.ts"
import { bucketOf } from "./lookup.ts"
import { readBody } from "./read-body.ts"

const maxKeys = 1000

/** Deletes up to 1,000 keys; each has its own answer. The body must carry a checksum, as S3 demands here. */
export async function deleteObjects(context: Context, call: Call): Promise<Reply> {
  const { incoming } = call
  bucketOf(context, call)
  if (header(incoming, "content-md5") === undefined && !declaredChecksum(incoming))
    throw refusal("InvalidRequest", "Missing required header for this request: Content-MD5")
  const root = readXml(await readBody(call), "Delete")
  const objects = root.all("Object")
  if (objects.length === 0 || objects.length > maxKeys) throw refusal("MalformedXML")
  const quiet = root.one("Quiet")?.trim() === "true"
  const bucket = bucketOf(context, call)
  const wanted = objects.map(readObject)
  const answers = wanted.map((each) => deleteOne(context, bucket, each, quiet))
  return ok(document("DeleteResult", ...answers))
}

type Wanted = {
  readonly key: string
  readonly etag: string | undefined
  readonly versionId: string | undefined
}

function readObject(node: Node): Wanted {
  const key = node.one("Key")
  if (!key) throw refusal("MalformedXML")
  return { key, etag: node.one("ETag"), versionId: node.one("VersionId") }
}

function deleteOne(
  context: Context,
  bucket: Bucket,
  { key, etag, versionId }: Wanted,
  quiet: boolean,
): string {
  const error = (code: string, message: string) =>
    element("Error", leaf("Key", key), leaf("Code", code), leaf("Message", message))
  const before = objectAt(bucket, key)
  if (Buffer.byteLength(key) > 1024) return error("KeyTooLongError", "Your key is too long")
  if (versionId && versionId !== "null")
    return error("NoSuchVersion", "The specified version does not exist.")
  if (etag !== undefined && !before) return error("NoSuchKey", "The specified key does not exist.")
  if (etag !== undefined && before && !namesEtag(etag, before.etag))
    return error("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
  removeObject(context, bucket, key)
  return quiet ? "" : element("Deleted", leaf("Key", key))
}
