const minute = 60_000

/** After how many unanswered sends a migration is said to be unreachable. */
export const unansweredSends = 10

/** How long a message that was sent `sends` times may stay unanswered before it is sent again, in ms: 1, 2, 4 … 60 minutes. */
export const resendAfter = (sends: number): number => minute * Math.min(60, 2 ** Math.max(0, sends - 1))

/** Seconds until a busy lane is worth another try. `random` in [0, 1) spreads those who wait for the same lane. */
export const retryAfterSeconds = (leaseLeftMs: number, random: number): number =>
  Math.ceil(Math.max(0, leaseLeftMs) / 1000) + 1 + Math.floor(random * 5)

/** Pause before attempt `n` (from 1) of one item, in ms: exponential, half of it jitter, at most 20 s. */
export const itemPause = (n: number, random: number): number => {
  const whole = Math.min(20_000, 250 * 3 ** (n - 1))
  return whole / 2 + (whole / 2) * random
}
