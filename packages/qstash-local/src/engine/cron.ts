import { Cron } from "croner"

const nicknames: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
}

/** When (ms) a schedule is due next, after `after`; undefined if never. */
export type NextRun = (after: number) => number | undefined

/**
 * Reads `30 * * * *` or `CRON_TZ=Europe/Paris 0 9 * * *`: five fields, so a minute is the finest step; UTC unless told
 * otherwise. Throws an Error that says what is wrong.
 * Source: Upstash docs, QStash > Features > Schedules.
 */
export function parseCron(text: string): NextRun {
  const [, zone, rest = ""] = /^(?:(?:CRON_)?TZ=(\S+)\s+)?(.*)$/s.exec(text.trim()) ?? []
  const pattern = nicknames[rest.toLowerCase()] ?? rest
  // What cron programs add to the five fields (L, W, #, seconds) would be refused in production.
  if (!/^(?:[\d*?,/A-Z-]+\s+){4}[\d*?,/A-Z-]+$/i.test(pattern) || /\b(?:L|W|LW)\b|\d[LW]/i.test(pattern))
    throw new Error(`expected five fields, not ${JSON.stringify(rest)}`)
  const timezone = zone ?? "UTC"
  if (!isTimezone(timezone)) throw new Error(`unknown time zone ${timezone}`)
  const cron = new Cron(pattern, { timezone, mode: "5-part", paused: true })
  return (after) => cron.nextRun(new Date(after))?.getTime()
}

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name })
    return true
  } catch {
    return false
  }
}
