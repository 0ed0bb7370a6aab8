export type Heap<T> = {
  push(item: T): void
  peek(): T | undefined
  pop(): T | undefined
  /** Throws out all others. */
  keep(isKept: (item: T) => boolean): void
  readonly size: number
}

/** A binary heap, smallest rank first; equal ranks leave in the order in which they came. */
export function createHeap<T>(rank: (item: T) => number): Heap<T> {
  type Entry = { item: T; rank: number; turn: number }
  let entries: Entry[] = []
  let turn = 0

  const before = (a: Entry, b: Entry) => a.rank < b.rank || (a.rank === b.rank && a.turn < b.turn)

  function up(entry: Entry, from: number) {
    let at = from
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = entries[above]
      if (!parent || !before(entry, parent)) break
      entries[at] = parent
      at = above
    }
    entries[at] = entry
  }

  function down(entry: Entry) {
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      let child = entries[below]
      const other = entries[below + 1]
      if (child && other && before(other, child)) {
        child = other
        below += 1
      }
      if (!child || !before(child, entry)) break
      entries[at] = child
      at = below
    }
    entries[at] = entry
  }

  return {
    push(item) {
      const entry = { item, rank: rank(item), turn: turn++ }
      entries.push(entry)
      up(entry, entries.length - 1)
    },
    peek: () => entries[0]?.item,
    pop() {
      const first = entries[0]
      const last = entries.pop()
      if (first && last && entries.length > 0) down(last)
      return first?.item
    },
    keep(isKept) {
      const kept = entries.filter(({ item }) => isKept(item))
      entries = []
      for (const entry of kept) {
        entries.push(entry)
        up(entry, entries.length - 1)
      }
    },
    get size() {
      return entries.length
    },
  }
}
