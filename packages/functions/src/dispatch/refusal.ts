import { Fault } from "@imgmigrator/core/fault"
import type { QstashError } from "@upstash/qstash"
import { scrub } from "../log.ts"

export type Sdk = typeof import("@upstash/qstash")

const minutes = (n: number) => n * 60_000

/**
 * Why QStash did not take a message, and when to ask again: always a Fault `unavailable dispatch.*`, since the
 * migration is recorded and only has to wait (Upstash docs: QStash > API rate limits and error codes).
 */
export function refusalOf(sdk: Sdk, error: unknown, now: number): Fault {
  if (error instanceof Fault) return error
  const fault = (code: string, message: string, retryAfterMs: number) =>
    new Fault("unavailable", `dispatch.${code}`, message, { cause: error, scope: "store", retryAfterMs })

  if (error instanceof sdk.QstashDailyRatelimitError)
    return fault(
      "quota",
      `QStash's messages of today are used up (${error.limit ?? "?"} a day).`,
      untilReset(error.reset, now) ?? minutes(60),
    )
  if (error instanceof sdk.QstashRatelimitError)
    return fault(
      "rate",
      "QStash takes no more requests at the moment.",
      untilReset(error.reset, now) ?? 1_000,
    )
  if (!(error instanceof sdk.QstashError))
    return fault("unreachable", "QStash could not be reached.", minutes(1))
  if (error.status === 401 || error.status === 403)
    return fault("unauthorized", "QSTASH_TOKEN is wrong: QStash does not know it.", minutes(10))
  if (error.status === 412)
    return fault(
      "plan",
      `QStash's plan does not allow this; compare QSTASH_PLAN. It says: ${words(error)}`,
      minutes(15),
    )
  if (error.status !== undefined && error.status >= 400 && error.status < 500)
    return fault(
      "refused",
      `QStash refused the message; compare BASE_URL. It says: ${words(error)}`,
      minutes(10),
    )
  return fault("failed", `QStash answered ${error.status ?? "with an error"}.`, minutes(1))
}

/** Would the same again, in a moment, have a chance? */
export const isPassing = ({ code }: Fault): boolean =>
  ["dispatch.unreachable", "dispatch.failed", "dispatch.rate", "dispatch.timeout"].includes(code)

/** Was there no answer, or none that says whether the message was taken? */
export const mayHaveArrived = (error: unknown): boolean =>
  !(error instanceof Fault) ||
  ["dispatch.unreachable", "dispatch.failed", "dispatch.timeout", "dispatch.answer"].includes(error.code)

/** A reset is written as seconds from now or as a time since 1970; ms, or `undefined` where it is neither. */
function untilReset(reset: string | null, now: number): number | undefined {
  if (!reset || !/^\d+(\.\d+)?$/.test(reset)) return undefined
  const value = Number(reset)
  if (value < 1e9) return value * 1000
  return Math.max(0, (value < 1e11 ? value * 1000 : value) - now)
}

/** QStash's own words: `{"error": "…"}`, short, without the query of any address in them. */
function words({ message }: QstashError): string {
  const quoted = /"error"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(message)?.[1] ?? message
  return scrub(quoted).slice(0, 200)
}
