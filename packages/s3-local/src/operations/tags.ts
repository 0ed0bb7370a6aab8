import { refusal } from "../errors.ts"
import type { Tag } from "../store/records.ts"

const maxTags = 10

/** Reads `x-amz-tagging: a=1&b=2`. */
export function readTagHeader(text: string | undefined): readonly Tag[] {
  if (!text) return []
  return checkTags([...new URLSearchParams(text)])
}

/** At most 10 tags, keys of 1 to 128 and values of at most 256 characters, no key twice (Amazon S3 User Guide: Categorizing your objects using tags). */
export function checkTags(tags: readonly Tag[]): readonly Tag[] {
  if (tags.length > maxTags) throw refusal("BadRequest", "Object tags cannot be greater than 10")
  for (const [key, value] of tags) {
    if (key.length < 1 || key.length > 128)
      throw refusal("InvalidTag", "The TagKey you have provided is invalid", { TagKey: key })
    if (value.length > 256)
      throw refusal("InvalidTag", "The TagValue you have provided is invalid", { TagKey: key })
  }
  if (new Set(tags.map(([key]) => key)).size < tags.length)
    throw refusal("InvalidTag", "Cannot provide multiple Tags with the same key")
  return tags
}
