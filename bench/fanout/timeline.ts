/** What is to happen, in the order of its time. A run costs no time of ours: it is the virtual clock of the simulation. */
export function timeline() {
  type Event = { readonly at: number; readonly run: () => void }
  const heap: Event[] = []
  let now = 0
  const isBefore = (a: number, b: number) => (heap[a]?.at ?? Infinity) < (heap[b]?.at ?? Infinity)
  const swap = (a: number, b: number) => {
    const [x, y] = [heap[a], heap[b]]
    if (x && y) [heap[a], heap[b]] = [y, x]
  }
  const rise = (i: number) => {
    const parent = (i - 1) >> 1
    if (i > 0 && isBefore(i, parent)) {
      swap(i, parent)
      rise(parent)
    }
  }
  const sink = (i: number) => {
    const child = isBefore(2 * i + 2, 2 * i + 1) ? 2 * i + 2 : 2 * i + 1
    if (child < heap.length && isBefore(child, i)) {
      swap(i, child)
      sink(child)
    }
  }
  return {
    now: () => now,
    after(seconds: number, run: () => void) {
      heap.push({ at: now + seconds, run })
      rise(heap.length - 1)
    },
    /** Until nothing is left to happen. */
    play() {
      while (heap.length > 0) {
        swap(0, heap.length - 1)
        const event = heap.pop()
        sink(0)
        if (!event) return
        now = event.at
        event.run()
      }
    },
  }
}
export type Timeline = ReturnType<typeof timeline>

/**
 * Something that gives only so much a second: whoever asks for more waits in line. `waited` is all their waiting, by which
 * the first wall is known.
 */
export function tap(time: Timeline, perSecond: number) {
  let free = 0
  let waited = 0
  return {
    waited: () => waited,
    /** Seconds until this much is there. */
    take(amount: number): number {
      const start = Math.max(free, time.now())
      free = start + amount / perSecond
      waited += start - time.now()
      return free - time.now()
    },
  }
}
