import { addDone, type Done, nothingDone } from "@imgmigrator/core/lane"
import type { ItemOutcome } from "@imgmigrator/core/outcome"
import { type Chunk, countOutcomes, putFailed, putOutcomes } from "../db/chunks.ts"
import type { Delivery } from "./delivery.ts"
import type { Task } from "./item.ts"
import { decidedOf, measure, type Tally, tally } from "./tally.ts"

/** A chunk being moved: what became of its items so far, and what of that is stored. */
export type Book = {
  readonly n: number
  /** Items without an outcome, when it was opened. */
  readonly todo: readonly Task[]
  add(index: number, outcome: ItemOutcome): void
  isComplete(): boolean
  counts(): Done
  /** Store the outcomes that are not yet: one more segment under our fence. Gives how many. */
  store(): Promise<number>
  /** What the planner had decided of it. */
  readonly decided: Tally
}

export function openBook({ n, items, outcomes: known }: Chunk, { session }: Delivery): Book {
  const outcomes = new Map(known)
  let fresh = new Map<number, ItemOutcome>()
  // What earlier holders stored is stored once more, under our fence: one of them may still be at work, and what it
  // stores later must not change what we count.
  let inherited = new Map([...known].filter(([index]) => items[index]?.planned.state !== "decided"))
  let seq = 0
  const todo = items.flatMap((item, index) => (outcomes.has(index) ? [] : [{ n, index, item }]))
  return {
    n,
    todo,
    add: (index, outcome) => {
      outcomes.set(index, outcome)
      fresh.set(index, outcome)
    },
    isComplete: () => outcomes.size === items.length,
    counts: () => countOutcomes(outcomes.values()),
    store: async () => {
      const [old, own] = [inherited, fresh]
      if (old.size + own.size === 0) return 0
      inherited = new Map()
      fresh = new Map()
      try {
        await putOutcomes(session.id, n, session.lane().fence, seq++, new Map([...old, ...own]))
      } catch (error) {
        // Counted all the same, so they go with the next segment.
        inherited = old
        fresh = new Map([...own, ...fresh])
        throw error
      }
      measure(tally(own.values()))
      return own.size
    },
    decided: tally(decidedOf(items)),
  }
}

/** A chunk is done: what was of it, and what its lane suffered before, is over. */
export const progress = { now: nothingDone, attempts: 0, waits: undefined, trying: undefined } as const

/**
 * Books the chunks of a run in order, one write after the other. Segment first, then the counts that include it: what
 * the lane counts is stored. `checkpoint` also books what is there of the chunk at the front.
 */
export function bookkeeper(
  { session, world }: Delivery,
  books: Book[],
): (checkpoint: boolean) => Promise<void> {
  let booked = 0
  let chain: Promise<void> = Promise.resolve()
  const began = world.clock.now()
  const rate = () => (1000 * booked) / Math.max(1, world.clock.now() - began)

  const commit = async (book: Book) => {
    const counts = book.counts()
    if (counts.f > 0) await putFailed(session.id, book.n, counts.f)
    booked += await book.store()
    await session.save({
      ...progress,
      done: addDone(session.lane().done, counts),
      at: book.n + 1,
      rate: rate(),
    })
    measure(book.decided)
  }
  const run = async (checkpoint: boolean) => {
    for (let head = books[0]; head?.isComplete(); head = books[0]) {
      await commit(head)
      books.shift()
    }
    const [head] = books
    if (!checkpoint) return
    const counts = head?.counts()
    const stored = (await head?.store()) ?? 0
    booked += stored
    await session.save({
      ...(counts && { now: counts }),
      ...(stored > 0 && { attempts: 0 }),
      rate: rate(),
    })
  }
  return (checkpoint) => {
    const next = chain.then(() => run(checkpoint))
    chain = next.catch(() => {})
    return next
  }
}
