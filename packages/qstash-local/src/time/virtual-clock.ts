import type { Clock } from "./clock.ts"
import { parseDuration } from "./duration.ts"
import { createHeap } from "./heap.ts"

/**
 * Resolves once nothing is going on any more that belongs to this very moment.
 * What makes no progress for `patience` ms of real time is not waited for.
 */
export type Quiet = (patience: number) => Promise<void>

export type VirtualClock = Clock & {
  /**
   * Moves the time by `"12s"`, `"1d10h"` or a number of milliseconds. What falls due happens in order of
   * its time; each moment's deliveries (and what their receivers publish) are awaited before the next.
   */
  advance(duration: string | number): Promise<void>
  /** Makes `advance` wait for someone else's work, too. The returned function takes that back. */
  watch(quiet: Quiet): () => void
}

export const isVirtual = (clock: Clock): clock is VirtualClock => "watch" in clock && "advance" in clock

const offAtEase = 1000

type Timer = { at: number; run: () => void; off: boolean }

/**
 * A clock that moves only when told to.
 * It starts at the real time unless `start` (ms) is given: receivers compare `exp` of a signature with theirs.
 * A receiver that does not answer for `patience` ms (5 s) of real time is left behind: time goes on without it.
 */
export function virtualClock(start: number = Date.now(), { patience = 5000 } = {}): VirtualClock {
  const timers = createHeap<Timer>((timer) => timer.at)
  const watched = new Set<Quiet>()
  let now = start
  /** Timers called off that still stand in the heap, or a few more. */
  let off = 0
  let turn: Promise<void> = Promise.resolve()

  async function move(ms: number) {
    const target = now + ms
    await settle()
    for (let next = timers.peek(); next && next.at <= target; next = timers.peek()) {
      now = Math.max(now, next.at)
      for (let due = timers.peek(); due && due.at <= now; due = timers.peek()) {
        timers.pop()
        if (!due.off) due.run()
      }
      await settle()
    }
    now = target
    await settle()
  }

  /** What was called off must not be held until its time comes: that may be never. */
  function sweep() {
    timers.keep((timer) => !timer.off)
    off = 0
  }

  async function settle() {
    for (const quiet of watched) await quiet(patience)
  }

  return {
    now: () => now,
    schedule(at, run) {
      const timer = { at, run, off: false }
      timers.push(timer)
      return () => {
        if (!timer.off) off += 1
        timer.off = true
        if (off > offAtEase && off * 2 > timers.size) sweep()
      }
    },
    advance(duration) {
      const ms = typeof duration === "number" ? duration : parseDuration(duration)
      if (ms === undefined || !(ms >= 0)) throw new RangeError(`not a duration: ${duration}`)
      const moved = turn.then(() => move(ms))
      turn = moved.catch(() => undefined)
      return moved
    },
    watch(quiet) {
      watched.add(quiet)
      return () => watched.delete(quiet)
    },
  }
}
