import { setTimeout as wait } from "node:timers/promises"
import type { Clock } from "../../../packages/functions/src/jobs/world.ts"

/** How often a delivery looks at the migration's status, and how often it renews its lease, in ms. */
const beats = [1_000, 5_000]

export type TestClock = Clock & {
  /** So much time goes by at once. */
  pass(ms: number): void
  /** What the work would have waited before it tried again, in ms. */
  readonly waited: readonly number[]
}

/**
 * Time that goes by when a test says so: no pause before another try is waited out, it is only noted. The looks at the
 * status and the lease come by real time, many times as often as in earnest.
 */
export function testClock(): TestClock {
  let ahead = 0
  const waited: number[] = []
  return {
    now: () => Date.now() + ahead,
    pass: (ms) => {
      ahead += ms
    },
    waited,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      if (!beats.includes(ms)) return void waited.push(ms)
      await wait(10, undefined, { signal }).catch((error: unknown) => {
        throw signal?.aborted ? signal.reason : error
      })
    },
  }
}
