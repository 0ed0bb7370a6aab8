import type { Clock } from "../../../packages/functions/src/jobs/world.ts"

export type HandClock = Clock & { pass(ms: number): void }

/** Time that stands still until a test lets some of it pass: whoever sleeps wakes when his time has come. */
export function handClock(): HandClock {
  let now = Date.now()
  const asleep = new Set<{ readonly due: number; readonly wake: () => void }>()
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        const sleeper = { due: now + ms, wake: resolve }
        asleep.add(sleeper)
        signal?.addEventListener("abort", () => {
          asleep.delete(sleeper)
          reject(signal.reason)
        })
      }),
    pass(ms) {
      now += ms
      for (const sleeper of asleep)
        if (sleeper.due <= now) {
          asleep.delete(sleeper)
          sleeper.wake()
        }
    },
  }
}
