import type { FlowConfig } from "../engine/message.ts"
import { parseHeaderDuration } from "../time/duration.ts"

const weekMs = 7 * 86_400_000

/**
 * Reads `parallelism=3, rate=5, period=1m`; a string says what is wrong. Case does not matter (`Rate=20`), and
 * `ratePerSecond` is an older name of rate. The period is a second unless given, at most a week.
 * Source: Upstash docs, QStash > Features > Flow Control.
 */
export function parseFlow(text: string): FlowConfig | string {
  let config: FlowConfig = { periodMs: 1000 }
  for (const part of text.split(",")) {
    const [, name = "", value = ""] = /^\s*(\w+)\s*=\s*(\w+)\s*$/.exec(part) ?? []
    const key = name.toLowerCase() === "ratepersecond" ? "rate" : name.toLowerCase()
    if (key !== "parallelism" && key !== "rate" && key !== "period")
      return `cannot read ${JSON.stringify(part)}`
    const amount = key === "period" ? parsePeriod(value) : parseCount(value)
    if (amount === undefined) return `${key} is not valid: ${value}`
    config = { ...config, [key === "period" ? "periodMs" : key]: amount }
  }
  return config.parallelism === undefined && config.rate === undefined
    ? "parallelism or rate is required"
    : config
}

export const parseCount = (text: string): number | undefined =>
  /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined

/** ms of `60` (seconds), `60s` or `1m`. */
export function parsePeriod(text: string): number | undefined {
  const ms = parseHeaderDuration(/^\d+$/.test(text) ? `${text}s` : text)
  return ms !== undefined && ms >= 1000 && ms <= weekMs ? ms : undefined
}
