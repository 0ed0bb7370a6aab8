import { itemPause } from "@imgmigrator/core/backoff"
import { Fault, failureClass } from "@imgmigrator/core/fault"
import { brief, type ItemOutcome } from "@imgmigrator/core/outcome"
import { log } from "../log.ts"
import type { Delivery } from "./delivery.ts"
import { moveItem, type Task } from "./item.ts"
import { isKept } from "./parts.ts"
import { whyStopped } from "./stopped.ts"

/** Tries of one item in place, in all. */
const tries = 5
/** A wish for a longer pause than this is not waited out in place: others go on, and the item is left for a later delivery. */
const longestPause = 20_000
/** So often, with no chunk finished in between; then the item fails alone, for it would keep the rest from ending. */
const patience = 3

/**
 * One item to its outcome. Passing faults are tried again in place, then the item fails alone; a fault of the whole store
 * is thrown, and so is a stop. `ask` asks a store whether it is well, before an item is failed for what may be the store's.
 * A Fault instead of an outcome: the item is to be left for a later delivery. `undefined`: it got as far as there was time.
 */
export async function attempt(
  delivery: Delivery,
  task: Task,
  careful: boolean,
  ask: () => Promise<void>,
): Promise<ItemOutcome | Fault | undefined> {
  const { world, session } = delivery
  const began = world.clock.now()
  const lastTry = began + session.patience
  for (let n = 1; ; n++) {
    try {
      return await moveItem(delivery, task, careful || n > 1)
    } catch (error) {
      if (whyStopped(error) || session.signal.aborted) return cutShort(delivery, task, began, error)
      const kind = failureClass(error)
      if (kind === "chunk-transient" || kind === "migration-fatal") throw error
      if (kind === "bug") log.error("item failed unexpectedly", { chunk: task.n, index: task.index, error })
      const pause = error instanceof Fault ? (error.retryAfterMs ?? 0) : 0
      const again = kind === "item-transient" || kind === "bug"
      const isLong = pause > longestPause
      if (again && isLong && error instanceof Fault && (session.lane().waits ?? 0) < patience) return error
      // Where each try takes long there is no time for all of them: the next delivery would begin with the first again.
      if (again && !isLong && n < tries && world.clock.now() < lastTry) {
        await world.clock.sleep(Math.max(pause, itemPause(n, world.random())), session.signal)
        continue
      }
      // One refused, absent or unavailable object must not stop the rest; a store that is so for everything must.
      if (kind === "bug" || ["denied", "missing", "unavailable"].includes(kindOf(error))) await ask()
      return failedWith(error)
    }
  }
}

/** The delivery stops with the item on its way, for whatever reason: thrown, unless it is the end of its time. */
function cutShort(
  { world, session }: Delivery,
  task: Task,
  began: number,
  error: unknown,
): ItemOutcome | Fault | undefined {
  const end: unknown = session.signal.aborted ? session.signal.reason : error
  if (whyStopped(end) !== "time") throw end
  // By itself, behind a part that arrived.
  if (!session.signal.aborted) return undefined
  // It had most of a delivery, and the next would begin it anew: not for ever.
  const isSlow = world.clock.now() - began > 1.5 * session.patience && !isKept(task)
  if (!isSlow) throw end
  return (session.lane().waits ?? 0) < patience ? tooSlow() : failedWith(tooSlow())
}

const tooSlow = () =>
  new Fault(
    "unavailable",
    "source.slow",
    "It takes longer than a delivery lasts, and can't be gone on with: its source serves no ranges, or its list promises a checksum of the whole.",
  )

const kindOf = (error: unknown): string => (error instanceof Fault ? error.kind : "")

const failedWith = (error: unknown): ItemOutcome => ({
  outcome: "failed",
  code: error instanceof Fault ? error.code : "worker.error",
  message: brief(error instanceof Fault ? error.message : "An unexpected error; see the log."),
})
