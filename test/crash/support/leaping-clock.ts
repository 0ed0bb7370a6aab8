import type { Clock } from "qstash-local"

export type LeapingClock = Clock & {
  /** How far it is ahead of the machine's, in ms. */
  ahead(): number
  /** What falls due by that begins at once. It never goes back. */
  leapTo(ahead: number): void
}

/** The machine's clock, and as much ahead of it as it was told to leap. */
export function leapingClock(): LeapingClock {
  type Due = { readonly at: number; readonly run: () => void; timer?: NodeJS.Timeout }
  const due = new Set<Due>()
  let ahead = 0
  const now = () => Date.now() + ahead
  const arm = (each: Due) => {
    clearTimeout(each.timer)
    const left = each.at - now()
    const fire = () => {
      due.delete(each)
      each.run()
    }
    if (left > 0) each.timer = setTimeout(() => arm(each), left).unref()
    else fire()
  }
  return {
    now,
    ahead: () => ahead,
    schedule: (at, run) => {
      const each: Due = { at, run }
      due.add(each)
      each.timer = setTimeout(() => arm(each), Math.max(0, at - now())).unref()
      return () => {
        due.delete(each)
        clearTimeout(each.timer)
      }
    },
    leapTo: (told) => {
      ahead = Math.max(ahead, told)
      for (const each of [...due].sort((a, b) => a.at - b.at)) arm(each)
    },
  }
}
