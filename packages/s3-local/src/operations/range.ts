import { refusal } from "../errors.ts"
import type { ObjectRecord } from "../store/records.ts"

/** From `start` to before `end`. `part`: the number of the part that this is, where one was asked for. */
export type Range = { readonly start: number; readonly end: number; readonly part?: number }

/**
 * Reads `bytes=a-b`, `bytes=a-` and `bytes=-n`. What is not of that form, several ranges too, is taken for absent
 * (RFC 9110, 14.2); what lies outside of the object is InvalidRange.
 */
export function readRange(text: string, size: number): Range | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(text.trim())
  const [first, last] = [match?.[1] ?? "", match?.[2] ?? ""]
  if (!match || (first === "" && last === "")) return undefined
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1)
  if (start >= size || start >= end)
    throw refusal("InvalidRange", undefined, { RangeRequested: text, ActualObjectSize: size })
  return { start, end }
}

/** The bytes of one part; an object that was not uploaded in parts is its own part 1. */
export function partRange(text: string, { size, parts }: ObjectRecord): Range | undefined {
  const number = Number(text)
  if (!/^\d{1,5}$/.test(text) || number < 1 || number > 10_000)
    throw refusal("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive", {
      ArgumentName: "partNumber",
      ArgumentValue: text,
    })
  if (!parts && number === 1) return size > 0 ? { start: 0, end: size } : undefined
  const at = parts?.[number - 1]
  if (!parts || !at)
    throw refusal("InvalidPartNumber", undefined, {
      PartNumberRequested: number,
      ActualPartCount: parts?.length ?? 1,
    })
  const start = parts.slice(0, number - 1).reduce((sum, part) => sum + part.size, 0)
  return { start, end: start + at.size, part: number }
}
