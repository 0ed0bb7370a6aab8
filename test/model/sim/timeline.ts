/** When a run begins, as its clocks say: ms since 1970. */
export const epoch = Date.parse("2026-03-01T00:00:00Z")

type Event = { readonly at: number; readonly order: number; readonly run: () => void; cancelled: boolean }

/**
 * Virtual time. Everything that happens is an event at its moment; between two of them all code that can go on does.
 * Nothing waits for real, so the same events in the same order give the same run.
 */
export type Timeline = {
  /** Ms since the run began. */
  now(): number
  /** Something that happens `ms` from now; the answer calls it off. */
  in(ms: number, run: () => void): () => void
  /** Let time pass, until `ms` from now or until `isOver` says so. */
  pass(ms: number, isOver?: () => boolean): Promise<void>
}

/** Promises that can go on have gone on when this resolves. */
const drained = () => new Promise<void>((resolve) => setImmediate(resolve))

export function newTimeline(): Timeline {
  const heap: Event[] = []
  let now = 0
  let order = 0
  const before = (a: Event | undefined, b: Event | undefined) =>
    a !== undefined && b !== undefined && (a.at < b.at || (a.at === b.at && a.order < b.order))

  const swap = (i: number, j: number) => {
    const [a, b] = [heap[i], heap[j]]
    if (a && b) [heap[i], heap[j]] = [b, a]
  }
  const push = (event: Event) => {
    heap.push(event)
    for (let i = heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1
      if (!before(heap[i], heap[parent])) return
      swap(i, parent)
      i = parent
    }
  }
  const pop = () => {
    const first = heap[0]
    const last = heap.pop()
    if (heap.length === 0 || !last) return first
    heap[0] = last
    for (let i = 0; ; ) {
      const [left, right] = [2 * i + 1, 2 * i + 2]
      const least = before(heap[right], heap[left]) ? right : left
      if (!before(heap[least], heap[i])) return first
      swap(i, least)
      i = least
    }
  }
  return {
    now: () => now,
    in: (ms, run) => {
      const event = { at: now + Math.max(0, ms), order: order++, run, cancelled: false }
      push(event)
      return () => {
        event.cancelled = true
      }
    },
    pass: async (ms, isOver = () => false) => {
      const end = now + ms
      await drained()
      while (heap[0] && heap[0].at <= end && !isOver()) {
        const event = pop()
        if (!event || event.cancelled) continue
        now = event.at
        event.run()
        await drained()
      }
      if (!isOver()) now = end
    },
  }
}
