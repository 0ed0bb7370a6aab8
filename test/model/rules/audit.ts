import type { Item, ItemOutcome } from "@imgmigrator/core/outcome"
import type { MigrationRow } from "../../../packages/functions/src/db/rows.ts"
import type { Place } from "../sim/store/place.ts"
import { type Counts, chunkRows, countsOf, foldChunk, nothing, plus } from "./fold.ts"
import type { Batch } from "./ledger.ts"

/** At the moment at which a migration says completed: is it so? From the chunks up, not from its counters. */
export function audit(batch: Batch, row: MigrationRow) {
  const { sim, known, breach } = batch
  const plan = known.lanes.get(0)?.plan
  if (!plan?.complete || plan.pass !== row.pass) breach("completed before the plan")
  if (row.next !== plan?.chunks) breach("completed with chunks that nobody took")
  for (const lane of known.lanes.values())
    if (lane.at < lane.to) breach(`completed while lane ${lane.lane} has work`)
  let sum: Counts = nothing()
  const planned = new Set<string>()
  for (let n = 0; n < (plan?.chunks ?? 0); n++) {
    const rows = chunkRows(sim.table.engine, known.id, n)
    const chunk = foldChunk(rows)
    if (!chunk || chunk.outcomes.size !== chunk.items.length) return breach(`completed with chunk ${n} open`)
    const final = [...chunk.outcomes].filter(([index]) => !chunk.moved.has(index))
    sum = plus(sum, countsOf(final.map(([, outcome]) => outcome)))
    for (const [index, outcome] of chunk.outcomes) {
      confirmed(batch, row, chunk.items[index], outcome)
      const triers = known.triers.get(`${n}/${index}`) ?? []
      if (outcome.code === "worker.crashed" && !triers.some(({ wasKilled }) => wasKilled))
        breach(`item ${index} of chunk ${n} is said to have killed its worker, and did not`)
    }
    for (const { key } of chunk.items) planned.add(key)
    const failed = countsOf(chunk.outcomes.values()).f
    const noted = sim.table.engine.get({
      pk: `MIGRATION#${known.id}`,
      sk: `FAILED#${String(n).padStart(9, "0")}`,
    })
    if (failed > 0 && !noted) breach(`chunk ${n} has failures that are not noted`)
  }
  for (const key of stayed(batch, row))
    if (!planned.has(key)) breach(`${key} was there all the time, and is forgotten`)
  const { discovered, migrated, skipped, failed, remaining } = row.totals ?? {}
  if (remaining !== 0) breach(`completed with ${remaining} remaining`)
  if (migrated !== sum.m || skipped !== sum.s || failed !== sum.f || row.totals?.bytes_migrated !== sum.bytes)
    breach(`the totals ${JSON.stringify(row.totals)} are not what the chunks say: ${JSON.stringify(sum)}`)
  if (discovered !== sum.m + sum.s + sum.f) breach(`${discovered} discovered, ${JSON.stringify(sum)} moved`)
  if ((row.status === "completed") !== (sum.f === 0)) breach(`${row.status} with ${sum.f} failures`)
  sim.tally.accept("items: migrated", sum.m)
  sim.tally.accept("items: skipped", sum.s)
  sim.tally.accept("items: failed", sum.f)
}

/** What the source had from before the migration was made until now. */
function stayed({ sim, known }: Batch, row: MigrationRow): readonly string[] {
  const source = row.source.type === "s3" ? sim.places.get(row.source.bucket) : undefined
  const since = known.statuses[0]?.at ?? 0
  return [...(source?.objects.keys() ?? [])].filter((key) => {
    const events = source?.history.filter((event) => event.key === key) ?? []
    const before = events.findLast(({ at }) => at < since)
    return before?.after !== undefined && events.every(({ at, after }) => at < since || after)
  })
}

const placeOf = (batch: Batch, ref: MigrationRow["destination"]): Place | undefined =>
  ref.type === "s3" ? batch.sim.places.get(ref.bucket) : undefined

/** What an outcome says did happen at the destination. */
function confirmed(batch: Batch, row: MigrationRow, item: Item | undefined, outcome: ItemOutcome) {
  const { sim, breach } = batch
  if (!item) return breach("an outcome of no item")
  if (outcome.outcome === "failed") {
    if (!outcome.code || !outcome.message) breach(`${item.key} failed without saying why`)
    if (outcome.code === "worker.error") breach(`${item.key} failed by a mistake of ours`)
    return sim.tally.accept(`failed: ${outcome.code}`)
  }
  const history = placeOf(batch, row.destination)?.history.filter(({ key }) => key === item.key) ?? []
  if (outcome.outcome === "migrated") {
    const sums = history.map(({ after }) => after?.content.sha256)
    if (!outcome.checksum || !sums.includes(outcome.checksum.value))
      breach(`${item.key} migrated, and never was at the destination`)
    return
  }
  sim.tally.accept(`skipped: ${outcome.code}`)
  if (outcome.code === "skipped.exists") return
  const source = row.source.type === "s3" ? sim.places.get(row.source.bucket) : undefined
  const sums = new Set(
    source?.history.filter(({ key }) => key === item.key).map(({ after }) => after?.content.sha256),
  )
  if (!history.some(({ after }) => after && sums.has(after.content.sha256)))
    breach(`${item.key} skipped, and the destination never had it`)
}
