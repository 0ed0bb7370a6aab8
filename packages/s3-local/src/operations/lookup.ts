import type { Context } from "../context.ts"
import { refusal } from "../errors.ts"
import type { Call } from "../http/reply.ts"
import type { Bucket } from "../store/buckets.ts"

/** The bucket of a call, or NoSuchBucket. */
export const bucketOf = (context: Context, call: Call) => bucketNamed(context, call.bucket)

export function bucketNamed({ buckets }: Context, name: string): Bucket {
  const bucket = buckets.get(name)
  if (!bucket) throw refusal("NoSuchBucket", undefined, { BucketName: name })
  return bucket
}

/** S3 keeps times in whole seconds. */
export const wholeSeconds = (time: number) => Math.floor(time / 1000) * 1000

/** A whole number from the query; `invalid` where it is none or out of range. */
export function countFrom(
  text: string | undefined,
  { name, fallback, max }: { readonly name: string; readonly fallback: number; readonly max: number },
): number {
  if (text === undefined || text === "") return fallback
  if (/^\d{1,10}$/.test(text) && Number(text) <= 2147483647) return Math.min(Number(text), max)
  throw refusal("InvalidArgument", `Argument ${name} must be an integer between 0 and 2147483647`, {
    ArgumentName: name,
    ArgumentValue: text,
  })
}
