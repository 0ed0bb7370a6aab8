/**
 * Why a delivery stops before its work is done: `time` its own is up · `status` the migration was paused, cancelled or
 * stopped · `lease` another delivery has the lane · `shutdown` the process ends.
 */
export type Why = "time" | "status" | "lease" | "shutdown"

const reasons = new WeakMap<Error, Why>()

/** The reason that an abort signal of ours carries. An Error, since libraries reject with it. */
export function stopped(why: Why): Error {
  const error = new Error(`The delivery stops: ${why}.`)
  error.name = "AbortError"
  reasons.set(error, why)
  return error
}

/** Why, if this (or what it was caused by) is a stop of ours. */
export function whyStopped(error: unknown): Why | undefined {
  if (!(error instanceof Error)) return undefined
  return reasons.get(error) ?? whyStopped(error.cause)
}
