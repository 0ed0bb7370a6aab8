import { addDone, type Done } from "@imgmigrator/core/lane"
import type { Item } from "@imgmigrator/core/outcome"
import { isActive } from "@imgmigrator/core/status"
import { countOutcomes, putFailed } from "../db/chunks.ts"
import { mustGetMigration } from "../db/migrations.ts"
import { codesOf, decidedOf, measure, progress } from "./book.ts"
import type { Delivery } from "./delivery.ts"
import { stopped } from "./stopped.ts"

/** A chunk of which the planner decided every item: what is booked of it, and nothing that is large. */
export type Decided = { readonly done: Done; readonly failures: readonly string[] }

/** `undefined`: something of it is left to do. */
export function allDecided(items: readonly Item[]): Decided | undefined {
  const outcomes = decidedOf(items)
  if (outcomes.length < items.length) return undefined
  return { done: countOutcomes(outcomes), failures: codesOf(outcomes) }
}

/**
 * Lane 0 takes the chunks that nobody has from `next` on, as far as they are all decided, and books them in the same
 * transaction: nobody is woken for them, and nobody reads what was only just written. `known` are chunks that this
 * delivery stored. Gives the first chunk that nobody has, as far as is known.
 */
export async function bookDecided(
  { session, row }: Delivery,
  known: ReadonlyMap<number, Decided>,
): Promise<number> {
  const { at, to, done } = session.lane()
  if (known.size === 0 || at < to) return 0
  const { next, status } = await mustGetMigration(row.user_id, row.id)
  if (!isActive(status)) throw stopped("status")
  const front: Decided[] = []
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
  for (const { done, failures } of front) measure(done, failures)
  return until
}
