import type { Clock } from "../time/clock.ts"

/** Counts management requests by the second. */
export type Burst = {
  /** Counts one; false when this second has had its fill. */
  take(): boolean
}

export function createBurst(clock: Clock, perSecond: number): Burst {
  let second = 0
  let used = 0
  return {
    take() {
      const now = Math.floor(clock.now() / 1000)
      if (now !== second) used = 0
      second = now
      used += 1
      return used <= perSecond
    },
  }
}
