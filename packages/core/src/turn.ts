const day = 86_400_000

/** Of a day's messages, this share may go as fast as it likes … */
const atOnce = 1 / 4
/** … and from there to this one they are spread over the day. The rest is for what is new and small. */
const spread = 9 / 10

const firstLanes = 4
const firstMessages = 5

/** A migration's first messages, of its first four lanes five each, are never held back: a small one never waits. */
export const isFirst = (lane: number, messages: number): boolean =>
  lane < firstLanes && messages < firstMessages

/**
 * When the day's message number `n` (from 1) has its turn, in ms since 1970, where `limit` are allowed a day: at once, or
 * when the day has come so far that going on like this leaves some for its end; at the latest when the next one begins
 * (midnight UTC). Numbers are given in the order of asking, so those who wait have their turns in that order.
 */
export function turnOf(n: number, limit: number, at: number): number {
  const begin = Math.floor(at / day) * day
  const share = (n / limit - atOnce) / (spread - atOnce)
  return Math.max(at, begin + Math.ceil(day * Math.min(1, share)))
}
