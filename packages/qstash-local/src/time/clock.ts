/** Where the time comes from, and what happens later. Times are milliseconds since 1970. */
export type Clock = {
  now(): number
  /** Runs `run` once at or after `at`. The returned function calls it off. */
  schedule(at: number, run: () => void): () => void
}

/** setTimeout keeps its delay in 31 bits; longer ones would fire at once. */
const longestTimer = 2 ** 31 - 1

/** The machine's clock. Its timers do not keep a process alive. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    schedule(at, run) {
      let timer: NodeJS.Timeout
      const wait = () => {
        const left = at - Date.now()
        // A timer may fire a millisecond early, and the wall clock may be set back.
        if (left <= 0 && timer) return run()
        timer = setTimeout(wait, Math.min(Math.max(left, 0), longestTimer)).unref()
      }
      wait()
      return () => clearTimeout(timer)
    },
  }
}
