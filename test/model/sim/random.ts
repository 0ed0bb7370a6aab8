/** Numbers that look random and depend on the seed alone, so that a run can be had again. */
export type Random = {
  /** In [0, 1). */
  next(): number
  /** An integer in [from, to]. */
  between(from: number, to: number): number
  chance(probability: number): boolean
}

/** Mulberry32 (public domain, T. Ettinger). `words` are mixed into the seed. */
export function randomFrom(...words: readonly number[]): Random {
  let state = words.reduce((mixed, word) => Math.imul(mixed ^ word, 0x9e3779b1) ^ (mixed >>> 13), 0x85ebca6b)
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    next,
    between: (from, to) => from + Math.floor(next() * (to - from + 1)),
    chance: (probability) => next() < probability,
  }
}
