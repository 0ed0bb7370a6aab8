import { refusal } from "../errors.ts"

export const maxSkewMs = 15 * 60_000

/** `20261124T041500Z` → ms; undefined for anything else. */
export function readAmzDate(text: string | undefined): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text ?? "")
  if (!match) return undefined
  const [, year, month, day, hour, minute, second] = match
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(time) ? undefined : time
}

export const toAmzDate = (time: number) => new Date(time).toISOString().replace(/[-:]|\.\d{3}/g, "")

/** S3 refuses a request whose date is more than 15 minutes from its own, either way. */
export function checkSkew(time: number, sent: string, now: number) {
  if (Math.abs(time - now) > maxSkewMs)
    throw refusal("RequestTimeTooSkewed", undefined, {
      RequestTime: sent,
      ServerTime: isoSeconds(now),
      MaxAllowedSkewMilliseconds: maxSkewMs,
    })
}

export const isoSeconds = (time: number) => `${new Date(time).toISOString().slice(0, 19)}Z`
