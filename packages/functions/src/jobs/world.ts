import { setTimeout as wait } from "node:timers/promises"
import type { NormalStoreRef } from "@imgmigrator/core/store-ref"
import { openStore, type Store } from "@imgmigrator/stores"
import type { Dispatcher } from "../dispatch/dispatcher.ts"
import { dispatcher } from "../dispatch/index.ts"
import { storeSettings } from "../store-settings.ts"

/** Time as the work sees it: the system's, or a test's own. */
export type Clock = {
  /** Milliseconds since 1970. */
  now(): number
  /** Rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** What the jobs need of the world around them. */
export type World = {
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly dispatcher: () => Dispatcher
  readonly open: (ref: NormalStoreRef) => Promise<Store>
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

export const theWorld: World = {
  clock: systemClock,
  random: Math.random,
  dispatcher,
  open: (ref) => openStore(ref, storeSettings()),
}
