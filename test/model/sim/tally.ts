/** How often each kind of thing was asked for, and how often it really took place. */
export type Tally = {
  offer(event: string): void
  accept(event: string, times?: number): void
  accepted(event: string): number
  /** All that took place of what the pattern names. */
  sum(events: RegExp): number
  table(): string
}

export function newTally(): Tally {
  const counts = new Map<string, { offered: number; accepted: number }>()
  const of = (event: string) => {
    const found = counts.get(event) ?? { offered: 0, accepted: 0 }
    counts.set(event, found)
    return found
  }
  return {
    offer: (event) => {
      of(event).offered += 1
    },
    accept: (event, times = 1) => {
      of(event).accepted += times
    },
    accepted: (event) => counts.get(event)?.accepted ?? 0,
    sum: (events) =>
      [...counts].reduce((sum, [event, { accepted }]) => sum + (events.test(event) ? accepted : 0), 0),
    table: () =>
      [...counts]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([event, { offered, accepted }]) =>
          [event.padEnd(34), String(offered || "").padStart(8), String(accepted).padStart(9)].join(" "),
        )
        .join("\n"),
  }
}
