const units = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
} as const

type Unit = keyof typeof units

const isUnit = (text: string): text is Unit => Object.hasOwn(units, text)

/** Milliseconds of `"90s"`, `"1d10h30m"`, `"6m5.5s"`; undefined for what is no duration. */
export function parseDuration(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/gy)]
  if (parts.map(([part]) => part).join("") !== text || parts.length === 0) return undefined
  return parts.reduce(
    (sum, [, amount, unit = ""]) => sum + Number(amount) * (isUnit(unit) ? units[unit] : 0),
    0,
  )
}

/** A duration of the publish headers: whole units of s, m, h and d only. Undefined for anything else. */
export const parseHeaderDuration = (text: string): number | undefined =>
  /^(?:\d+[smhd])+$/.test(text) ? parseDuration(text) : undefined
