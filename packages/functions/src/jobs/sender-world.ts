import { setTimeout as wait } from "node:timers/promises"
import type { Dispatcher } from "../dispatch/dispatcher.ts"
import { dispatcher } from "../dispatch/index.ts"

/** Time as the work sees it: the system's, or a test's own. */
export type Clock = {
  /** Milliseconds since 1970. */
  now(): number
  /** Rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** What sending messages needs of the world around it. No stores: whoever only sends must not load them. */
export type SenderWorld = {
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly dispatcher: () => Dispatcher
}

export const systemClock: Clock = {
  now: Date.now,
  sleep: async (ms, signal) => {
    try {
      await wait(ms, undefined, { signal })
    } catch (error) {
      // Node wraps the reason; callers look for their own.
      throw signal?.aborted ? signal.reason : error
    }
  },
}

export const theSenderWorld: SenderWorld = { clock: systemClock, random: Math.random, dispatcher }
