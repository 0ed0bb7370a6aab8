import type { Context } from "../context.ts"
import { refusal } from "../errors.ts"
import { type Call, noContent, ok, ownerXml, type Reply } from "../http/reply.ts"
import { emptyBucket } from "../store/buckets.ts"
import { document, element, isoDate, leaf } from "../xml.ts"
import { readXml } from "../xml-read.ts"
import { bucketOf } from "./lookup.ts"
import { readBody } from "./read-body.ts"

/** The letters of a name (Amazon S3 User Guide: General purpose bucket naming rules). */
const goodName =
  /^(?!xn--|sthree-|amzn-s3-demo-)(?!.*\.\.)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const badEnding = /(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/

export const isBucketName = (name: string) => goodName.test(name) && !badEnding.test(name)

export async function createBucket(context: Context, call: Call): Promise<Reply> {
  const { bucket: name } = call
  if (!isBucketName(name)) throw refusal("InvalidBucketName", undefined, { BucketName: name })
  checkLocation(await readBody(call, { optional: true }), context.region)
  const exists = context.buckets.has(name)
  if (exists && context.region !== "us-east-1")
    throw refusal("BucketAlreadyOwnedByYou", undefined, { BucketName: name })
  if (!exists) makeBucket(context, name)
  return { status: 200, headers: { Location: `/${name}` } }
}

export function makeBucket(context: Context, name: string) {
  const created = context.now()
  context.journal.createBucket(name, created)
  context.buckets.set(name, emptyBucket(name, created))
}

/** us-east-1 is named by leaving the constraint away; every other region by naming it. */
function checkLocation(body: string, region: string) {
  const location = body ? readXml(body, "CreateBucketConfiguration").one("LocationConstraint") : undefined
  if (region === "us-east-1" ? !location : location === region) return
  if (!location || region === "us-east-1" || /^[a-z]{2}(-[a-z]+)+-\d$/.test(location))
    throw refusal(
      region === "us-east-1" && location === "us-east-1"
        ? "InvalidLocationConstraint"
        : "IllegalLocationConstraintException",
      location &&
        `The ${location} location constraint is incompatible for the region specific endpoint this request was sent to.`,
    )
  throw refusal("InvalidLocationConstraint", undefined, { LocationConstraint: location })
}

export function headBucket(context: Context, call: Call): Reply {
  bucketOf(context, call)
  return {
    status: 200,
    headers: { "x-amz-bucket-region": context.region, "Content-Type": "application/xml" },
  }
}

export function deleteBucket(context: Context, call: Call): Reply {
  const bucket = bucketOf(context, call)
  if (bucket.objects.size > 0) throw refusal("BucketNotEmpty", undefined, { BucketName: bucket.name })
  for (const upload of bucket.uploads.values())
    context.depot.release([...upload.parts.values()].map((part) => part.blob))
  context.journal.deleteBucket(bucket.name)
  context.buckets.delete(bucket.name)
  return noContent
}

export function listBuckets(context: Context, call: Call): Reply {
  const prefix = call.incoming.target.query.get("prefix") ?? ""
  const buckets = [...context.buckets.values()]
    .filter(({ name }) => name.startsWith(prefix))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, created }) => element("Bucket", leaf("Name", name), leaf("CreationDate", isoDate(created))))
  return ok(document("ListAllMyBucketsResult", ownerXml(), element("Buckets", ...buckets)))
}

export function getBucketLocation(context: Context, call: Call): Reply {
  bucketOf(context, call)
  const region = context.region === "us-east-1" ? "" : context.region
  return ok(document("LocationConstraint", region))
}

/** Versioning was never switched on here; an empty answer says so. */
export function getBucketVersioning(context: Context, call: Call): Reply {
  bucketOf(context, call)
  return ok(document("VersioningConfiguration"))
}
