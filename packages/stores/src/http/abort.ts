const waiting = new WeakMap<AbortSignal, Set<(reason: unknown) => void>>()

/**
 * Calls `run` once the signal is aborted; the returned function takes it back. One listener serves a signal's thousands
 * of requests: adding and removing one each costs more than signing a request.
 */
export function onAbort(signal: AbortSignal | undefined, run: (reason: unknown) => void): () => void {
  if (!signal) return nothing
  const known = waiting.get(signal)
  const all = known ?? new Set()
  if (!known) {
    waiting.set(signal, all)
    signal.addEventListener("abort", () => {
      for (const each of all) each(signal.reason)
      all.clear()
    })
  }
  all.add(run)
  return () => {
    all.delete(run)
  }
}

const nothing = () => undefined
