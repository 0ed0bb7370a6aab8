import { addDone } from "@imgmigrator/core/lane"
import type { Item } from "@imgmigrator/core/outcome"
import { isActive } from "@imgmigrator/core/status"
import { putFailed } from "../db/chunks.ts"
import { mustGetMigration } from "../db/migrations.ts"
import { progress } from "./book.ts"
import type { Delivery } from "./delivery.ts"
import { stopped } from "./stopped.ts"
import { decidedOf, measure, type Tally, tally } from "./tally.ts"

/** What is booked of a chunk of which the planner decided every item. `undefined`: something of it is left to do. */
export function allDecided(items: readonly Item[]): Tally | undefined {
  const outcomes = decidedOf(items)
  return outcomes.length < items.length ? undefined : tally(outcomes)
}

/**
 * Lane 0 takes the chunks that nobody has from `next` on, as far as they are all decided, and books them in the same
 * transaction: nobody is woken for them, and nobody reads what was only just written. `known` are chunks that this
 * delivery stored. Gives the first chunk that nobody has, as far as is known.
 */
export async function bookDecided(
  { session, row }: Delivery,
  known: ReadonlyMap<number, Tally>,
): Promise<number> {
  const { at, to, done } = session.lane()
  if (known.size === 0 || at < to) return 0
  const { next, status } = await mustGetMigration(row.user_id, row.id)
  if (!isActive(status)) throw stopped("status")
  const front: Tally[] = []
  for (let one = known.get(next); one; one = known.get(next + front.length)) front.push(one)
  if (front.length === 0) return next
  // As with any chunk: that it has failures is said before they count.
  await Promise.all(
    front.map(({ done: { f } }, i) => (f > 0 ? putFailed(session.id, next + i, f) : undefined)),
  )
  const until = next + front.length
  await session.take(next, until, {
    ...progress,
    done: front.reduce((sum, chunk) => addDone(sum, chunk.done), done),
    at: until,
  })
  if (session.lane().to !== until) return next
  front.forEach(measure)
  return until
}
