import { type Lane, leaseTtl } from "@imgmigrator/core/lane"
import { isActive } from "@imgmigrator/core/status"
import { handOut, putFenced, readLane, saveLane } from "../db/lanes.ts"
import type { Meter } from "../db/meter.ts"
import { getStatus } from "../db/migrations.ts"
import type { Put } from "../db/table.ts"
import { stopped, type Why, whyStopped } from "./stopped.ts"
import type { Clock } from "./world.ts"

const heartbeat = 5_000
const look = 1_000
/** Without a checkpoint for this long, the lease may be another's before we hear of it. */
const safe = leaseTtl - 5_000

export type Session = {
  readonly id: string
  readonly userId: string
  /** The lane as we last wrote it. */
  lane(): Lane
  /** Write absolute values under our fence, and renew the lease. Rejects when another delivery has the lane. */
  save(set: Partial<Lane>): Promise<void>
  /** Write another row, only while the lane is ours. Rejects as `save` does. */
  put(row: Put): Promise<void>
  /**
   * Take the chunks `from ≤ n < to`, which nobody has; `more` is set with them. Our lane is as it is in the table behind
   * this, taken or not: somebody may have been faster.
   */
  take(from: number, to: number, more?: Partial<Lane>): Promise<void>
  /** Ask the table. That it does not answer ends the delivery, and is no fault of the image that it was asked for. */
  ledger<T>(ask: () => Promise<T>): Promise<T>
  /** Read our lane again, when it may have been written without our hearing of it. */
  refresh(): Promise<void>
  /** Aborted when all work must end now. */
  readonly signal: AbortSignal
  /** How long one item may be tried again, in ms: what began with the delivery must come to its end within it. */
  readonly patience: number
  /** Throws why all must end, if it must. The signal may be a moment late: who slept too long wakes before its timers do. */
  throwIfEnded(): void
  /** Is it too late to start anything? */
  isOver(): boolean
  /** Called every few seconds, until the session ends, to book what was done. */
  onHeartbeat(run: () => Promise<void>): () => void
  stop(why: Why): void
  /** End all work because of this: a store that is gone concerns every item in flight. */
  fail(error: unknown): void
  /** End the timers. */
  close(): void
}

export type SessionOptions = {
  readonly id: string
  readonly userId: string
  readonly lane: Lane
  readonly clock: Clock
  readonly meter: Meter
  /** When to start nothing more, and when to end everything, in ms. */
  readonly soft: number
  readonly hard: number
  readonly shutdown?: AbortSignal | undefined
}

/** Writes with this lease, and gives the lane as it is then; `undefined`: another has it. */
type Write = (lease: Pick<Lane, "lease">) => Promise<Lane | undefined>

/** One delivery's hold on its lane: heartbeat, fence, time, and a look at the migration's status once a second. */
export function openSession(o: SessionOptions): Session {
  const end = new AbortController()
  const done = new AbortController()
  const base = o.lane.spent
  const patience = (o.hard - o.clock.now()) / 2
  let mine = o.lane
  let saved = o.clock.now()
  let booking: (() => Promise<void>) | undefined
  let chain: Promise<void> = Promise.resolve()

  const stop = (why: Why) => {
    if (!end.signal.aborted) end.abort(stopped(why))
  }
  const spent = () => ({
    messages: base.messages,
    writes: base.writes + o.meter.writes,
    reads: base.reads + o.meter.reads,
  })

  const fail = (error: unknown) => {
    if (!end.signal.aborted) end.abort(error)
  }
  const ledger = async <T>(ask: () => Promise<T>): Promise<T> => {
    try {
      return await ask()
    } catch (error) {
      fail(error)
      throw error
    }
  }

  const write = async (run: Write) => {
    const at = o.clock.now()
    const lane = await ledger(() => run({ lease: at + leaseTtl }))
    if (!lane) {
      stop("lease")
      throw stopped("lease")
    }
    mine = lane
    // The lease that is in the table, from before the call: one that was refused has not renewed it.
    saved = Math.max(saved, lane.lease - leaseTtl)
  }
  /** Writes of one lane go one after the other, so that an older absolute value never lands on a newer. */
  const inTurn = (run: Write): Promise<void> => {
    const next = chain.then(() => write(run))
    chain = next.catch(() => {})
    return next
  }
  const save = (set: Partial<Lane>): Promise<void> =>
    inTurn((lease) => saveLane(o.id, mine, { ...lease, spent: spent(), ...set }))
  const put = (row: Put): Promise<void> =>
    inTurn(async (lease) => ((await putFenced(o.id, mine, row, lease)) ? { ...mine, ...lease } : undefined))
  const take = (from: number, to: number, more: Partial<Lane> = {}): Promise<void> =>
    inTurn(async (lease) => {
      const set = { from, to, at: from, ...lease, spent: spent(), ...more }
      if (await handOut({ user_id: o.userId, id: o.id }, mine, from, to, set)) return { ...mine, ...set }
      // Refused may also mean that the first answer was lost: then they are ours after all.
      return found()
    })
  const found = async (): Promise<Lane | undefined> => {
    const lane = await readLane(o.id, mine.lane)
    return lane?.fence === mine.fence ? lane : undefined
  }

  const every = async (ms: number, run: () => Promise<void>) => {
    try {
      while (!done.signal.aborted) {
        await o.clock.sleep(ms, done.signal)
        await run()
      }
    } catch (error) {
      if (!done.signal.aborted && whyStopped(error) === undefined) fail(error)
    }
  }

  // Apart from the look at the status: a table that is slow to answer must not hide that the time is up.
  const lookAtClock = () => {
    const at = o.clock.now()
    if (at >= o.hard) stop("time")
    else if (at - saved > safe) stop("lease")
  }
  const clock = every(look, async () => lookAtClock())
  const watch = every(look, async () => {
    const row = await getStatus(o.userId, o.id)
    if (!row || !isActive(row.status)) stop("status")
  })
  const beat = every(heartbeat, async () => {
    if (end.signal.aborted || o.clock.now() - saved < heartbeat - look) return
    await (booking ? booking() : save({}))
  })
  void Promise.all([clock, watch, beat])

  const onShutdown = () => stop("shutdown")
  o.shutdown?.addEventListener("abort", onShutdown, { once: true })
  if (o.shutdown?.aborted) onShutdown()

  return {
    id: o.id,
    userId: o.userId,
    lane: () => mine,
    save,
    put,
    take,
    ledger,
    refresh: () => inTurn(found),
    signal: end.signal,
    patience,
    throwIfEnded: () => {
      lookAtClock()
      end.signal.throwIfAborted()
    },
    isOver: () => end.signal.aborted || o.clock.now() >= o.soft || o.clock.now() - saved > safe,
    onHeartbeat: (run) => {
      booking = run
      return () => {
        booking = undefined
      }
    },
    stop,
    fail,
    close: () => {
      o.shutdown?.removeEventListener("abort", onShutdown)
      done.abort(stopped("time"))
    },
  }
}
