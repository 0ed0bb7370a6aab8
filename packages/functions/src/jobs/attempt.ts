import { itemPause } from "@imgmigrator/core/backoff"
import { Fault, failureClass } from "@imgmigrator/core/fault"
import { brief, type ItemOutcome } from "@imgmigrator/core/outcome"
import { log } from "../log.ts"
import type { Delivery } from "./delivery.ts"
import { moveItem, type Task } from "./item.ts"
import { whyStopped } from "./stopped.ts"

/** Tries of one item in place, in all. */
const tries = 5
/** A wish for a longer pause than this is the store's, not the item's: the delivery ends and comes again. */
const longestPause = 20_000

/**
 * One item to its outcome. Passing faults are tried again in place, then the item fails alone; a fault of the whole store
 * is thrown, and so is a stop. `ask` asks a store whether it is well, before an item is failed for what may be the store's.
 */
export async function attempt(
  delivery: Delivery,
  task: Task,
  careful: boolean,
  ask: () => Promise<void>,
): Promise<ItemOutcome> {
  const { world, session } = delivery
  for (let n = 1; ; n++) {
    try {
      return await moveItem(delivery, task, careful || n > 1)
    } catch (error) {
      if (whyStopped(error) || session.signal.aborted)
        throw session.signal.aborted ? session.signal.reason : error
      const kind = failureClass(error)
      if (kind === "chunk-transient" || kind === "migration-fatal") throw error
      if (kind === "bug") log.error("item failed unexpectedly", { chunk: task.n, index: task.index, error })
      const pause = error instanceof Fault ? error.retryAfterMs : undefined
      const again = kind === "item-transient" || kind === "bug"
      if (again && n < tries && (pause ?? 0) <= longestPause) {
        await world.clock.sleep(Math.max(pause ?? 0, itemPause(n, world.random())), session.signal)
        continue
      }
      // One refused or unavailable object must not stop the rest; a store that refuses everything must.
      if (kind === "bug" || ["denied", "unavailable"].includes(kindOf(error))) await ask()
      return failedWith(error)
    }
  }
}

const kindOf = (error: unknown): string => (error instanceof Fault ? error.kind : "")

const failedWith = (error: unknown): ItemOutcome => ({
  outcome: "failed",
  code: error instanceof Fault ? error.code : "worker.error",
  message: brief(error instanceof Fault ? error.message : "An unexpected error; see the log."),
})
