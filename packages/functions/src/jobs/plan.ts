import { chunker } from "@imgmigrator/core/chunker"
import { emptyPlan, lanesWorthWaking, type Plan } from "@imgmigrator/core/lane"
import type { Item } from "@imgmigrator/core/outcome"
import type { Entry } from "@imgmigrator/stores"
import { putManifest } from "../db/chunks.ts"
import { mustGetMigration } from "../db/migrations.ts"
import { decider } from "./decide.ts"
import type { Delivery } from "./delivery.ts"
import { pairs } from "./pairs.ts"
import { planRetry } from "./plan-retry.ts"
import { stopped } from "./stopped.ts"
import { wakeIdleLanes } from "./wake.ts"

/** Chunks stored between two checkpoints of the plan. */
const stepChunks = 5

/** Lane 0: list, compare and store what is to be done, until the plan is complete or the time is up. */
export async function plan(delivery: Delivery): Promise<void> {
  const known = delivery.session.lane().plan ?? emptyPlan
  if (known.complete) return
  if (known.retry_until !== undefined) return planRetry(delivery, known)
  await planSource(delivery, known)
}

/** Where the listing goes on: behind this entry. */
type Place = { readonly cursor: string; readonly last: string }
type Ready = Place & { readonly items: readonly Item[] }

async function planSource(delivery: Delivery, known: Plan): Promise<void> {
  const { session } = delivery
  const decide = decider(delivery)
  const open = chunker()
  let ready: Ready[] = []
  let state = known
  let place: Place = { cursor: known.cursor ?? "", last: known.last ?? "" }

  const close = () => {
    if (!open.isEmpty()) ready.push({ items: open.take(), ...place })
  }
  const step = async (complete: boolean) => {
    // While a chunk is open, the plan stays in front of it; else it also passes what no glob let in.
    const reached = open.isEmpty() ? place : ready.at(-1)
    state = await store(delivery, state, ready, { ...(reached && at(reached)), complete })
    ready = []
  }

  for await (const batch of pairs(delivery, known)) {
    for (const { entry, item } of await decide(batch)) {
      if (item && open.isFullFor(item)) close()
      if (ready.length >= stepChunks) await step(false)
      if (item) open.add(item)
      place = behind(entry, place)
    }
    session.signal.throwIfAborted()
    if (!session.isOver()) continue
    close()
    await step(false)
    throw stopped("time")
  }
  close()
  await step(true)
}

const at = ({ cursor, last }: Place): Partial<Plan> => (cursor === "" ? {} : { cursor, last })

/** A name that is no UTF-8 has a cursor but no key that the destination could have. */
const behind = (entry: Entry, before: Place): Place => ({
  cursor: entry.cursor ?? entry.key,
  last: entry.fault ? before.last : entry.key,
})

/** Manifests first, then the plan that names them: what the plan counts is stored. Then wake whoever can carry. */
export async function store(
  delivery: Delivery,
  before: Plan,
  ready: readonly { readonly items: readonly Item[] }[],
  change: Partial<Plan>,
): Promise<Plan> {
  const { session } = delivery
  const { fence } = session.lane()
  const stored = await Promise.all(
    ready.map(({ items }, i) => putManifest(session.id, before.chunks + i, fence, items)),
  )
  if (stored.includes(false)) {
    session.stop("lease")
    throw stopped("lease")
  }
  const items = ready.flatMap((chunk) => chunk.items)
  const isRetry = before.retry_until !== undefined
  const plan: Plan = {
    ...before,
    chunks: before.chunks + ready.length,
    // A retry moves items that were discovered before.
    discovered: before.discovered + (isRetry ? 0 : items.length),
    bytes: before.bytes + (isRetry ? 0 : items.reduce((sum, { size = 0 }) => sum + size, 0)),
    ...change,
  }
  await session.save({ plan, attempts: 0 })
  if (lanesWorthWaking(plan, 0, delivery.row.options.lanes) > 0) await wakeOthers(delivery)
  return plan
}

/** Advance first, then look for idle lanes; a lane releases first, then looks at the plan: none is missed. */
async function wakeOthers({ session, world, row }: Delivery) {
  if (row.options.lanes === 1) return
  const now = await mustGetMigration(session.userId, session.id)
  await wakeIdleLanes(now, session.lane().lane, world)
}
