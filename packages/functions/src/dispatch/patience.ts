import { setTimeout as sleep } from "node:timers/promises"
import { Fault } from "@imgmigrator/core/fault"
import { isPassing } from "./refusal.ts"

const attempts = 3
/** What one attempt may take. */
export const attemptMs = 2_500
/** A caller of the API is waiting: after this, the sweeper goes on. */
const budgetMs = 6_000

/**
 * Once more, and again, while it may help and somebody still waits; `run` must bear being repeated. Rejects with the
 * Fault that `refusalOf` makes of the last failure.
 */
export async function patiently<Result>(
  run: () => Promise<Result>,
  refusalOf: (error: unknown) => Fault,
): Promise<Result> {
  const end = performance.now() + budgetMs
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      const fault = refusalOf(error)
      const pause =
        fault.code === "dispatch.rate" ? (fault.retryAfterMs ?? 0) : 100 * 2 ** attempt * Math.random()
      if (attempt === attempts || !isPassing(fault) || performance.now() + pause + attemptMs > end)
        throw fault
      await sleep(pause)
    }
  }
}

/** Fault `unavailable dispatch.timeout` after `ms`, whatever becomes of `run`. */
export async function within<Result>(ms: number, who: string, run: Promise<Result>): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(late(who)), ms)
  return Promise.race([run, promise]).finally(() => clearTimeout(timer))
}

const late = (who: string) =>
  new Fault("unavailable", "dispatch.timeout", `${who} did not answer in time.`, {
    scope: "store",
    retryAfterMs: 60_000,
  })
