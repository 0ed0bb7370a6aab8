import { setTimeout as wait } from "node:timers/promises"

export type Turn = (host: string, signal?: AbortSignal) => Promise<void>

/** At most `rate` requests a second to one host, evenly spaced; `undefined`: at once. */
export function turns(rate: number | undefined, now = () => performance.now()): Turn {
  if (!rate) return async () => undefined
  const next = new Map<string, number>()
  return async (host, signal) => {
    const at = Math.max(next.get(host) ?? 0, now())
    if (next.size > 1000) for (const [each, time] of next) if (time < now()) next.delete(each)
    next.set(host, at + 1000 / rate)
    if (at > now())
      await wait(at - now(), undefined, signal ? { signal } : {}).catch((error: unknown) => {
        throw signal?.aborted ? signal.reason : error
      })
  }
}
