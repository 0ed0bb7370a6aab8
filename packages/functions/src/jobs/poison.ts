import { type Lane, leaseTtl } from "@imgmigrator/core/lane"
import type { Book } from "./book.ts"
import type { Delivery } from "./delivery.ts"
import type { Task } from "./item.ts"
import type { Session } from "./session.ts"
import type { Clock } from "./world.ts"

/** After this many claims without progress, items are tried one by one, each named before it is touched. */
const suspicious = 3
/** Once may be chance: a worker that is killed anyway, or whose table takes nothing any more, names its item, too. */
const deadly = 2

export const isSuspicious = ({ attempts }: Pick<Lane, "attempts">): boolean => attempts >= suspicious

/** Who lost a lane and lives has found out and said so by then, in ms: he tries to book every five seconds. */
const hearing = 10_000

/**
 * The item that earlier holders of the lane named and did not take back, and how many of them in a row died of it.
 * A lane is also lost by who lives, where clocks differ or somebody slept: before an item is failed for it, all have the
 * time to say so, in half of this delivery's. One that is too short for that tries the item once more.
 */
export async function namedBefore(session: Session, clock: Clock): Promise<Lane["trying"]> {
  const { trying } = session.lane()
  if (!trying || trying[2] < deadly) return trying
  const [n, index, times] = trying
  if (session.patience < hearing) return [n, index, deadly - 1]
  await clock.sleep(Math.min(leaseTtl, session.patience), session.signal)
  await session.refresh()
  const { fence, survived = 0 } = session.lane()
  return [n, index, Math.min(times, fence - 1 - survived)]
}

/** Name the item, where one of those that are left may be deadly. */
export async function name({ session, named }: Delivery, task: Task): Promise<void> {
  await session.save({ trying: [task.n, task.index, timesNamed(named, task) + 1] })
}

export const isPoison = ({ named }: Delivery, task: Task): boolean => timesNamed(named, task) >= deadly

/** The item that was being tried, alone, when two workers in a row died: it fails by itself. */
export function failPoison(delivery: Delivery, book: Book) {
  const task = book.todo.find((each) => isPoison(delivery, each))
  if (!task) return
  book.add(task.index, {
    outcome: "failed",
    code: "worker.crashed",
    message: "The worker died whenever it tried this item.",
  })
}

const timesNamed = (named: Delivery["named"], { n, index }: Task): number =>
  named?.[0] === n && named[1] === index ? named[2] : 0
