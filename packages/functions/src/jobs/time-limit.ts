import { stopped } from "./stopped.ts"
import type { Clock } from "./world.ts"

export type TimeLimit = {
  /** Aborted when the time is up, for the reason `time`. */
  readonly signal: AbortSignal
  /** End the timer. */
  close(): void
}

const look = 1_000

/** For what a delivery does beside its lane, too: no call to a store may outlast the delivery. `deadline` in ms since 1970. */
export function timeLimit(clock: Clock, deadline: number): TimeLimit {
  const end = new AbortController()
  const done = new AbortController()
  // Second by second, as the session does: a clock may be put right meanwhile.
  const wait = async () => {
    while (clock.now() < deadline) await clock.sleep(look, done.signal)
    end.abort(stopped("time"))
  }
  void wait().catch(() => {})
  return { signal: end.signal, close: () => done.abort(stopped("time")) }
}
