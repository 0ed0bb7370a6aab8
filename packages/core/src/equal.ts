/** What a comparison needs of either side. Times in ms on one clock. */
export type Side = {
  readonly size?: number
  readonly etag?: string
  readonly md5?: string
  readonly written?: number
  readonly mtime?: number
}

export type Verdict =
  | { readonly equal: true; readonly rule: "skipped.etag" | "skipped.md5" | "skipped.written_after" }
  | { readonly equal: false }
  /** The listings do not tell: look closer. */
  | { readonly equal: undefined }

const isMd5 = (etag: string | undefined): etag is string => etag !== undefined && /^[0-9a-f]{32}$/i.test(etag)

/** S3 tells time in whole seconds in places, and a skew measured from `Date` is good to a second. */
export const clockMargin = 2_000

/**
 * Is what the destination holds the same as the source's item, from the listings alone? Never says `true` of a changed
 * image. `margin` is 0 where one clock wrote both times.
 */
export function compare(source: Side, destination: Side, margin = clockMargin): Verdict {
  if (source.size === undefined || destination.size === undefined) return { equal: undefined }
  if (source.size !== destination.size) return { equal: false }
  if (isMd5(source.etag) && isMd5(destination.etag))
    return source.etag.toLowerCase() === destination.etag.toLowerCase()
      ? { equal: true, rule: "skipped.etag" }
      : { equal: false }
  const md5 = source.md5 ?? (isMd5(source.etag) ? source.etag : undefined)
  const other = destination.md5 ?? (isMd5(destination.etag) ? destination.etag : undefined)
  if (md5 !== undefined && other !== undefined)
    return md5.toLowerCase() === other.toLowerCase() ? { equal: true, rule: "skipped.md5" } : { equal: false }
  const changed = Math.max(source.written ?? Number.NaN, source.mtime ?? 0)
  if (destination.written !== undefined && destination.written > changed + margin)
    return { equal: true, rule: "skipped.written_after" }
  return { equal: undefined }
}
