import * as z from "zod"

/** A lease lives this long without a checkpoint, in ms. */
export const leaseTtl = 30_000
/** A chunk holds at most this many items to copy … */
export const chunkItems = 200
/** … or this many that need nothing copied … */
export const chunkDecided = 4_000
/** … or this many bytes of known size (a chunk of videos would be one worker for hours) … */
export const chunkBytes = 1024 ** 3
/** … or this much manifest before packing, in bytes (a table's item holds 400 KB). */
export const chunkRaw = 256 * 1024

const Count = z.int().nonnegative()
const Millis = z.number().nonnegative()

/** Absolute counts, never increments: writing them twice changes nothing. */
export const Done = z.object({ m: Count, s: Count, f: Count, bytes: Count })
export type Done = z.infer<typeof Done>
export const nothingDone: Done = { m: 0, s: 0, f: 0, bytes: 0 }

export const addDone = (a: Done, b: Done): Done => ({
  m: a.m + b.m,
  s: a.s + b.s,
  f: a.f + b.f,
  bytes: a.bytes + b.bytes,
})

/** What lane 0 knows of the plan. Chunks are numbered from 0; those below `chunks` are stored. */
export const Plan = z.object({
  pass: Count,
  /** The source's cursor behind the last item consumed. */
  cursor: z.string().optional(),
  /** That item's key: where the destination's listing goes on. */
  last: z.string().optional(),
  chunks: Count,
  discovered: Count,
  bytes: Count,
  complete: z.boolean(),
  /** Failed items that a retry moved on to new chunks. */
  retried: Count,
  /** While a retry plans: the next chunk to look for failures in, and the chunk to stop before. */
  retry_from: Count.optional(),
  retry_until: Count.optional(),
})
export type Plan = z.infer<typeof Plan>
export const emptyPlan: Plan = { pass: 0, chunks: 0, discovered: 0, bytes: 0, complete: false, retried: 0 }

export const Spent = z.object({ messages: Count, writes: z.number(), reads: z.number() })
export type Spent = z.infer<typeof Spent>

/** A worker slot of a migration. Its one leaseholder writes it, under its fence. */
export const Lane = z.object({
  lane: z.int().min(0).max(255),
  user_id: z.string(),
  fence: Count,
  /** Until when the holder may work, in ms; 0: nobody holds it. */
  lease: Millis,
  holder: z.string().optional(),
  /** The fence of the last holder that put it back in order; one below `fence` at a claim means no crash. */
  released: Count,
  /** When a message was last sent and not yet answered by a claim, in ms; 0: none is out. */
  sent: Millis,
  sends: Count,
  /** When the message was sent that the last claim answered, in ms; 0: nobody had been asked. */
  asked: Millis.optional(),
  /** Claims since the last progress. */
  attempts: Count,
  /** The run in hand: chunks `from ≤ n < to`, of which those below `at` are done. */
  from: Count,
  to: Count,
  at: Count,
  done: Done,
  /** What is booked of chunk `at` so far. */
  now: Done,
  /** With a suspected poison item: the one being tried, by chunk and index, and by how many claims in a row. */
  trying: z.tuple([Count, Count, Count]).optional(),
  /** The highest fence of a holder that lost the lane and said afterwards that it lives: no item killed it. */
  survived: Count.optional(),
  /** Deliveries in a row that ended because an item's server asked for a long pause, and no chunk was finished. */
  waits: Count.optional(),
  /** Items a second, lately. */
  rate: z.number().nonnegative(),
  spent: Spent,
  plan: Plan.optional(),
})
export type Lane = z.infer<typeof Lane>

export const newLane = (lane: number, userId: string): Lane => ({
  lane,
  user_id: userId,
  fence: 0,
  lease: 0,
  released: 0,
  sent: 0,
  sends: 0,
  attempts: 0,
  from: 0,
  to: 0,
  at: 0,
  done: nothingDone,
  now: nothingDone,
  rate: 0,
  spent: { messages: 0, writes: 0, reads: 0 },
  ...(lane === 0 && { plan: emptyPlan }),
})

/** Is somebody at work? A lease further ahead than any can be comes from a clock that jumped, and counts as over. */
export const isHeld = (lane: Pick<Lane, "lease">, at: number): boolean =>
  lane.lease >= at && lane.lease <= at + 2 * leaseTtl

/** How many chunks a lane takes at once: fewer towards the end, so that lanes finish together. */
export const runLength = (unhanded: number, lanes: number): number =>
  Math.max(1, Math.min(8, unhanded, Math.floor(unhanded / (2 * lanes))))

/** Bytes that keep one more worker busy even when chunks are few. */
const bytesPerLane = 256 * 1024 ** 2

/**
 * How many lanes the chunks that nobody has taken are worth. Waking one a chunk would cost a message a chunk when
 * the planner is slower than the lanes: 8 chunks, or much to carry, are worth one.
 */
export function lanesWorthWaking(plan: Plan, next: number, lanes: number): number {
  const unhanded = plan.chunks - next
  if (unhanded <= 0) return 0
  const share = plan.chunks === 0 ? 0 : (plan.bytes * unhanded) / plan.chunks
  const byBytes = Math.min(unhanded, Math.ceil(share / bytesPerLane))
  const byChunks = plan.complete ? Math.ceil(unhanded / 8) : Math.floor(unhanded / 8)
  return Math.min(lanes, Math.max(byChunks, byBytes))
}

/** Does this lane have anything to do? `next` is the first chunk that nobody has taken. */
export function hasWork(lane: Lane, plan: Plan, next: number): boolean {
  if (lane.at < lane.to) return true
  if (lane.lane === 0 && !plan.complete) return true
  return next < plan.chunks
}
