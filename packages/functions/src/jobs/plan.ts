import { chunker } from "@imgmigrator/core/chunker"
import { emptyPlan, lanesWorthWaking, type Plan } from "@imgmigrator/core/lane"
import type { Item } from "@imgmigrator/core/outcome"
import type { Entry } from "@imgmigrator/stores"
import { putManifest } from "../db/chunks.ts"
import { mustGetMigration } from "../db/migrations.ts"
import { decider } from "./decide.ts"
import { allDecided, bookDecided } from "./decided.ts"
import type { Delivery } from "./delivery.ts"
import { pairs } from "./pairs.ts"
import { planRetry } from "./plan-retry.ts"
import { stopped } from "./stopped.ts"
import type { Tally } from "./tally.ts"
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
type Ready = Place & Written

/** A chunk of the next step, on its way to the table. */
type Written = {
  readonly n: number
  readonly items: number
  readonly bytes: number
  readonly decided: Tally | undefined
  /** `false`: another has the lane. */
  readonly stored: Promise<boolean>
}

async function planSource(delivery: Delivery, known: Plan): Promise<void> {
  const { session } = delivery
  const decide = decider(delivery)
  const open = chunker()
  let ready: Ready[] = []
  let state = known
  let place: Place = { cursor: known.cursor ?? "", last: known.last ?? "" }
  const decided = new Map<number, Tally>()

  const close = () => {
    if (open.isEmpty()) return
    ready.push({ ...write(delivery, state.chunks + ready.length, open.take()), ...place })
  }
  const step = async (complete: boolean) => {
    // While a chunk is open, the plan stays in front of it; else it also passes what no glob let in.
    const reached = open.isEmpty() ? place : ready.at(-1)
    state = await store(delivery, state, ready, { ...(reached && at(reached)), complete })
    for (const chunk of ready) if (chunk.decided) decided.set(chunk.n, chunk.decided)
    ready = []
    const next = await bookDecided(delivery, decided)
    for (const n of decided.keys()) if (n < next) decided.delete(n)
    await wakeOthers(delivery, next)
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

/** Begin to store a chunk, while the listing goes on. It counts once a plan names it. */
export function write({ session }: Delivery, n: number, items: readonly Item[]): Written {
  const stored = putManifest(session.id, n, session.lane().fence, items)
  // A failure is for the step that names it.
  stored.catch(() => {})
  const bytes = items.reduce((sum, { size = 0 }) => sum + size, 0)
  return { n, items: items.length, bytes, decided: allDecided(items), stored }
}

/** Manifests first, then the plan that names them: what the plan counts is stored. */
export async function store(
  { session }: Delivery,
  before: Plan,
  ready: readonly Written[],
  change: Partial<Plan>,
): Promise<Plan> {
  const stored = await Promise.all(ready.map((chunk) => chunk.stored))
  if (stored.includes(false)) {
    session.stop("lease")
    throw stopped("lease")
  }
  const isRetry = before.retry_until !== undefined
  const plan: Plan = {
    ...before,
    chunks: before.chunks + ready.length,
    // A retry moves items that were discovered before.
    discovered: before.discovered + (isRetry ? 0 : sum(ready, "items")),
    bytes: before.bytes + (isRetry ? 0 : sum(ready, "bytes")),
    ...change,
  }
  await session.save({ plan, attempts: 0 })
  return plan
}

const sum = (all: readonly Written[], what: "items" | "bytes") =>
  all.reduce((before, each) => before + each[what], 0)

/**
 * Whoever can carry. Advance first, then look for idle lanes; a lane releases first, then looks at the plan: none is
 * missed. `next` is the first chunk that may be nobody's.
 */
export async function wakeOthers({ session, world, row }: Delivery, next: number): Promise<void> {
  const { plan = emptyPlan } = session.lane()
  if (row.options.lanes === 1 || lanesWorthWaking(plan, next, row.options.lanes) === 0) return
  const now = await mustGetMigration(session.userId, session.id)
  await wakeIdleLanes(now, session.lane().lane, world)
}
