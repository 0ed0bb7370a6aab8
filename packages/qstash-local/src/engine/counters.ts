const names = [
  "published",
  "deduplicated",
  "attempts",
  "delivered",
  "retried",
  "failed",
  "canceled",
  "dropped",
  "callbacks",
] as const

type Counter = (typeof names)[number]

export type Counters = {
  count(name: Counter): void
  totals(): Readonly<Record<Counter, number>>
  /** Messages of this day (UTC), as the plan counts them: every attempt is one. */
  today(now: number): number
  bill(now: number): void
}

const dayMs = 86_400_000

export function createCounters(): Counters {
  const totals: Record<Counter, number> = {
    published: 0,
    deduplicated: 0,
    attempts: 0,
    delivered: 0,
    retried: 0,
    failed: 0,
    canceled: 0,
    dropped: 0,
    callbacks: 0,
  }
  let day = 0
  let billed = 0

  function turnTo(now: number) {
    if (Math.floor(now / dayMs) === day) return
    day = Math.floor(now / dayMs)
    billed = 0
  }

  return {
    count(name) {
      totals[name] += 1
    },
    totals: () => ({ ...totals }),
    today(now) {
      turnTo(now)
      return billed
    },
    bill(now) {
      turnTo(now)
      billed += 1
    },
  }
}
