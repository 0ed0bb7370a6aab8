import { parseDuration } from "../time/duration.ts"
import { compile } from "./expression.ts"

const dayMs = 86_400_000

/**
 * The pause (ms) before retry `n`, counted from 1: 12 s, 2 m 28 s, 30 m 8 s, 6 h 7 m 6 s, then a day.
 * Source: Upstash docs, QStash > Features > Retry; its table has whole seconds, rounded down.
 */
export const defaultBackoff = (n: number): number => Math.min(dayMs, Math.floor(Math.exp(2.5 * n)) * 1000)

/** How long to wait (ms) after an attempt that failed; `retried` attempts came before it. */
export function pauseAfter(
  retried: number,
  expression: string | undefined,
  headers: Readonly<Record<string, readonly string[]>>,
  now: number,
): number {
  return askedFor(headers, now) ?? custom(expression, retried) ?? defaultBackoff(retried + 1)
}

/** An expression that yields no usable number (NaN, infinite, negative) leaves the default in force. */
function custom(expression: string | undefined, retried: number): number | undefined {
  if (expression === undefined) return undefined
  const ms = compile(expression)(retried)
  return Number.isFinite(ms) && ms >= 0 ? Math.min(dayMs, Math.round(ms)) : undefined
}

const resetHeaders = [
  "Retry-After",
  "X-Ratelimit-Reset",
  "X-Ratelimit-Reset-Requests",
  "X-Ratelimit-Reset-Tokens",
]

/**
 * The pause (ms) that the receiver asked for, or undefined. Longer than a day is not heeded.
 * Source: Upstash docs, QStash > Features > Retry > Retry-After Headers.
 */
function askedFor(headers: Readonly<Record<string, readonly string[]>>, now: number): number | undefined {
  const asked = resetHeaders
    .map((name) => headers[name]?.[0])
    .map((value) => (value === undefined ? undefined : parsePause(value.trim(), now)))
    .find((ms) => ms !== undefined)
  return asked !== undefined && asked <= dayMs ? asked : undefined
}

/** Three notations: seconds, an HTTP date, a Go duration such as `6m5s`. */
function parsePause(value: string, now: number): number | undefined {
  if (/^\d+(?:\.\d+)?$/.test(value)) return Number(value) * 1000
  const date = /^[A-Z][a-z]{2}, /.test(value) ? Date.parse(value) : Number.NaN
  if (!Number.isNaN(date)) return Math.max(0, date - now)
  return parseDuration(value)
}
