import { totalsOf } from "@imgmigrator/core/books"
import { Lane } from "@imgmigrator/core/lane"
import { hasEnded } from "@imgmigrator/core/status"
import type { Sim } from "../sim/sim.ts"
import { chunkRows, countsOf, type Folded, foldChunk, nothing, plus, sameCounts, words } from "./fold.ts"
import type { Known } from "./ledger.ts"

type Chunk = Folded & { readonly n: number }

/**
 * Nobody is at work: what the rows say, counted anew from the lowest up. Rules look at each change as it is made; this
 * looks at the whole, whatever led to it.
 */
export function lookAtAll(sim: Sim, ledger: ReadonlyMap<string, Known>) {
  sim.tally.accept("quiet point")
  for (const known of ledger.values()) {
    const breach = (what: string) => sim.breach(`${known.id}, when all is quiet: ${what}`)
    const lanes = sim.table.engine
      .partition(`MIGRATION#${known.id}`)
      .filter(({ sk }) => String(sk).startsWith("LANE#"))
      .map((row) => Lane.parse(row))
    const plan = lanes[0]?.plan
    if (!plan) {
      breach("there is no plan")
      continue
    }
    const chunks = Array.from({ length: plan.chunks }, (_, n): Chunk => {
      const chunk = foldChunk(chunkRows(sim.table.engine, known.id, n))
      if (!chunk) breach(`chunk ${n} is planned and not stored`)
      return { n, ...(chunk ?? { items: [], outcomes: new Map(), moved: new Set<number>() }) }
    })
    oneOutcomeEach(chunks, breach)
    conserved(known, lanes, chunks, breach)
  }
}

type Breach = (what: string) => void

/** An item stands in one chunk of the plan, has one outcome at most, and was moved on only because it failed. */
function oneOutcomeEach(chunks: readonly Chunk[], breach: Breach) {
  const places = new Map<string, string>()
  for (const { n, items, outcomes, moved } of chunks) {
    for (const index of outcomes.keys()) if (!items[index]) breach(`chunk ${n} has an outcome of no item`)
    items.forEach(({ key }, index) => {
      if (moved.has(index)) {
        if (outcomes.get(index)?.outcome !== "failed") breach(`${key} was moved on and had not failed`)
        return
      }
      const place = `${n}/${index}`
      if (places.has(key)) breach(`${key} stands at ${places.get(key)} and at ${place}`)
      places.set(key, place)
    })
  }
}

/** Everything discovered is accounted for: by the lanes' counts, by the chunks' outcomes, or as work that is left. */
function conserved(
  { row, booked, chunks: lanesOf }: Known,
  lanes: readonly Lane[],
  chunks: readonly Chunk[],
  breach: Breach,
) {
  const plan = lanes[0]?.plan
  const planned = chunks.reduce((sum, { items }) => sum + items.length, 0)
  if (!plan || planned !== plan.discovered + plan.retried)
    breach(`${planned} items are planned, ${plan?.discovered} discovered, ${plan?.retried} retried`)
  for (const lane of lanes) {
    const own = chunks.filter(({ n }) => booked.has(n) && lanesOf.get(n) === lane.lane)
    const stored = own.map(({ outcomes }) => countsOf(outcomes.values())).reduce(plus, nothing())
    if (!sameCounts(lane.done, stored))
      breach(`lane ${lane.lane} counts ${words(lane.done)}, and its chunks say ${words(stored)}`)
  }
  const { discovered, migrated, skipped, failed, remaining } = totalsOf(lanes)
  const left = discovered - migrated - skipped - failed
  if (left < 0 || left !== remaining || failed < 0)
    breach(
      `of ${discovered}: ${migrated} migrated, ${skipped} skipped, ${failed} failed, ${remaining} remaining`,
    )
  const open = chunks.reduce((sum, { items, outcomes }) => sum + items.length - outcomes.size, 0)
  if (open > left) breach(`${open} items have no outcome, and ${left} are said to remain`)
  if (!hasEnded(row.status) || row.status === "cancelled") return
  if (open > 0 || left > 0) breach(`${row.status} with ${open} open and ${left} remaining`)
  if (lanes.some(({ at, to }) => at < to)) breach(`${row.status} with a run that is not finished`)
}
