import { syncBuiltinESMExports } from "node:module"
import timers from "node:timers/promises"
import { onLeap } from "./calls.ts"

/** Shorter pauses than this are real: whoever waits for another process needs them. */
const longMs = 1_000

/**
 * The clock is the machine's and as much ahead as this process is told. Pauses of a second or more end when it leaps,
 * and at no other time, so that the same calls are made on a slow machine as on a fast one.
 */
export function watchTime() {
  const { now } = Date
  let ahead = 0
  let still: number | undefined
  Date.now = () => (still ?? now()) + ahead
  const naps = new Set<{ readonly until: number; readonly wake: () => void }>()
  onLeap((told, how) => {
    ahead = told
    if (how !== "as before") still = how && now()
    for (const nap of naps) if (nap.until <= Date.now()) nap.wake()
  })

  const { setTimeout: wait } = timers
  type Options = { readonly signal?: AbortSignal }
  Reflect.set(timers, "setTimeout", async (ms: number, value?: unknown, { signal }: Options = {}) => {
    if (ms < longMs) return wait(ms, value, signal && { signal })
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const nap = { until: Date.now() + ms, wake: resolve }
    const stop = () => reject(signal?.reason)
    naps.add(nap)
    signal?.addEventListener("abort", stop, { once: true })
    await promise.finally(() => {
      naps.delete(nap)
      signal?.removeEventListener("abort", stop)
    })
    return value
  })
  syncBuiltinESMExports()
}
