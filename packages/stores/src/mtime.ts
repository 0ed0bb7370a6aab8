/**
 * The modification time as rclone keeps it in `x-amz-meta-mtime`: seconds since 1970, up to nine decimals
 * (rclone docs: Amazon S3 > Modification times and hashes). Before 1970 the whole carries the sign.
 */
export function exactMtime(nanoseconds: bigint): string {
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds
  const fraction = String(size % 1_000_000_000n).padStart(9, "0")
  return `${nanoseconds < 0n ? "-" : ""}${size / 1_000_000_000n}.${fraction}`
}

/** From milliseconds, whose fractions are good for about a quarter of a microsecond. */
export function formatMtime(ms: number): string {
  const whole = Math.trunc(ms)
  return exactMtime(BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6)))
}

/** Milliseconds, or `undefined` for what is no time in this notation. */
export const parseMtime = (text: string): number | undefined =>
  /^-?\d{1,11}(\.\d{1,9})?$/.test(text) ? Number(text) * 1000 : undefined
