import { S3Error } from "../errors.ts"
import type { Tag } from "../store/records.ts"

const maxTags = 10

/** Reads `x-amz-tagging: a=1&b=2`. */
export function readTagHeader(text: string | undefined): readonly Tag[] {
  if (!text) return []
  return checkTags([...new URLSearchParams(text)])
}

/** At most 10 tags, keys of 1 to 128 and values of at most 256 characters, no key twice (Amazon S3 User Guide: Categorizing your objects using tags). */
export function checkTags(tags: readonly Tag[]): readonly Tag[] {
  if (tags.length > maxTags) throw new S3Error("BadRequest", "Object tags cannot be greater than 10")
  for (const [key, value] of tags) {
    if (key.length < 1 || key.length > 128)
      throw new S3Error("InvalidTag", "The TagKey you have provided is invalid", { TagKey: key })
    if (value.length > 256)
      throw new S3Error("InvalidTag", "The TagValue you have provided is invalid", { TagKey: key })
  }
  if (new Set(tags.map(([key]) => key)).size < tags.length)
    throw new S3Error("InvalidTag", "Cannot provide multiple Tags with the same key")
  return tags
}
