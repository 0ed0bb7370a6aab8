import { Fault } from "@imgmigrator/core/fault"
import type { Plan } from "@imgmigrator/core/lane"
import { mergeJoin } from "@imgmigrator/core/merge"
import { type Entry, validateManifest } from "@imgmigrator/stores"
import type { Pair } from "./decide.ts"
import type { Delivery } from "./delivery.ts"

/** At least so many entries are decided together, so that those that need a closer look are looked at side by side. */
const batchSize = 1_000
/** A destination up to this many keys is held in memory where the source does not list in order. */
const smallDestination = 10_000

/**
 * The source's entries behind the plan's cursor, each with what the destination has under its key, in batches. Both
 * sides are asked first whether they are there: no error is ever taken for an empty listing.
 */
export async function* pairs(delivery: Delivery, plan: Plan): AsyncGenerator<readonly Pair[]> {
  const { source, destination, session, row } = delivery
  await Promise.all([
    source.probe("read", session),
    row.options.dry_run ? undefined : destination.probe("write", session),
  ])
  if (source.kind === "urls" && plan.cursor === undefined) await validateManifest(source, session)
  const after = plan.cursor
  const entries = source.list({ signal: session.signal, ...(after !== undefined && { after }) })
  yield* batched(
    source.capabilities.ordered && destination.capabilities.ordered
      ? mergeJoin(entries, present(delivery, plan.last))
      : lookedUp(delivery, entries),
  )
}

/** What the destination has. A folder that is not there yet is empty; no other error is taken for that. */
async function* present(
  { destination, session }: Delivery,
  after?: string,
): AsyncGenerator<readonly Entry[]> {
  const pages = destination.list({ signal: session.signal, ...(after && { after }) })[Symbol.asyncIterator]()
  const first = await pages.next().catch((error: unknown) => {
    if (destination.kind === "file" && error instanceof Fault && error.kind === "missing") return undefined
    throw error
  })
  try {
    for (let page = first; page && !page.done; page = await pages.next())
      yield page.value.filter(({ fault }) => fault === undefined)
  } finally {
    await pages.return?.()
  }
}

/** Without order on both sides there is no merge: a small destination is looked up, a large one item by item. */
async function* lookedUp(
  delivery: Delivery,
  entries: AsyncIterable<readonly Entry[]>,
): AsyncGenerator<readonly Pair[]> {
  const known = await smallListing(delivery)
  const found = ({ key }: Entry) => (known ? known.get(key) : "unknown")
  for await (const page of entries) yield page.map((source) => ({ source, destination: found(source) }))
}

async function smallListing(delivery: Delivery): Promise<ReadonlyMap<string, Entry> | undefined> {
  const known = new Map<string, Entry>()
  for await (const page of present(delivery)) {
    for (const entry of page) known.set(entry.key, entry)
    if (known.size > smallDestination) return undefined
  }
  return known
}

async function* batched(pages: AsyncIterable<readonly Pair[]>): AsyncGenerator<readonly Pair[]> {
  let batch: readonly Pair[] = []
  for await (const page of pages) {
    batch = batch.length === 0 ? page : [...batch, ...page]
    if (batch.length < batchSize) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
