import { Lane } from "@imgmigrator/core/lane"
import { chunkRows, countsOf, foldChunk, nothing, plus, sameCounts, within, words } from "./fold.ts"
import type { Batch, Rule } from "./ledger.ts"

/** What only the lane's holder may change. */
const holders = ["from", "to", "at", "done", "now", "trying", "plan", "released", "attempts"] as const

/** A lane is written by whoever holds it, and its counters say what is stored. */
export const laneRule: Rule = (batch, { sk, before, after }) => {
  if (!sk.startsWith("LANE#")) return
  if (!after) return batch.breach("a lane was deleted")
  if (!before) return
  const [old, lane] = [Lane.parse(before), Lane.parse(after)]
  held(batch, old, lane)
  handedOut(batch, old, lane)
  booked(batch, old, lane)
  if (lane.plan && old.plan) planned(batch, old, lane)
}

function held({ known, writer, breach }: Batch, old: Lane, lane: Lane) {
  if (lane.fence < old.fence) breach(`the fence went back from ${old.fence} to ${lane.fence}`)
  if (lane.fence !== old.fence) return
  const changed = holders.filter((name) => JSON.stringify(old[name]) !== JSON.stringify(lane[name]))
  if (changed.length > 0 && known.owners.get(`${lane.lane}/${lane.fence}`) !== writer)
    breach(`${changed.join(", ")} written without holding the lane`)
}

function handedOut({ known, changes, breach }: Batch, old: Lane, lane: Lane) {
  if (lane.from === old.from && lane.to === old.to) return
  const row = changes.find(({ pk }) => pk.startsWith("USER#"))
  if (!row || row.before?.next !== lane.from || row.after?.next !== lane.to)
    breach("a run was handed out without the migration's next")
  if (row?.before?.status !== "running") breach("a run was handed out while it does not run")
  if (old.at !== old.to) breach("a run was handed out to a lane that has one")
  const plan = lane.plan ?? known.lanes.get(0)?.plan
  if (lane.to > (plan?.chunks ?? 0)) breach("a run was handed out that is not planned")
  for (let n = lane.from; n < lane.to; n++) if (known.chunks.has(n)) breach(`chunk ${n} was handed out twice`)
}

function booked({ sim, known, breach }: Batch, old: Lane, lane: Lane) {
  if (lane.at > lane.to || lane.at < lane.from) breach("it is outside its run")
  const isSameRun = lane.from === old.from && lane.to === old.to
  if (isSameRun && lane.at < old.at) breach("it went back in its run")
  let sum = nothing()
  // What is all decided may be booked with its hand-out.
  for (let n = isSameRun ? old.at : lane.from; n < lane.at; n++) {
    const chunk = foldChunk(chunkRows(sim.table.engine, known.id, n))
    if (!chunk || chunk.outcomes.size < chunk.items.length)
      breach(`chunk ${n} was booked with ${chunk?.outcomes.size} of ${chunk?.items.length} outcomes`)
    sum = plus(sum, countsOf(chunk?.outcomes.values() ?? []))
  }
  if (!sameCounts(plus(old.done, sum), lane.done))
    breach(`${words(old.done)} and ${words(sum)} were booked as ${words(lane.done)}`)
  const head = lane.at < lane.to ? foldChunk(chunkRows(sim.table.engine, known.id, lane.at)) : undefined
  if (!within(lane.now, countsOf(head?.outcomes.values() ?? [])))
    breach(`${words(lane.now)} counted in chunk ${lane.at} and not stored`)
}

function planned({ sim, known, breach }: Batch, old: Lane, lane: Lane) {
  const [was, plan] = [old.plan, lane.plan]
  if (!was || !plan || JSON.stringify(was) === JSON.stringify(plan)) return
  const isRetry = plan.pass === was.pass + 1
  if (plan.pass !== was.pass && !isRetry) breach("the plan jumped over a pass")
  if (isRetry && was.chunks !== plan.chunks) breach("a retry began with other chunks")
  if (was.complete && !isRetry) breach("a plan that was complete changed")
  if (plan.chunks < was.chunks) breach("the plan has fewer chunks")
  let items = 0
  for (let n = was.chunks; n < plan.chunks; n++) {
    const chunk = foldChunk(chunkRows(sim.table.engine, known.id, n))
    if (!chunk) breach(`chunk ${n} is planned and not stored`)
    items += chunk?.items.length ?? 0
  }
  const discovered = plan.pass === 0 ? was.discovered + items : was.discovered
  if (plan.discovered !== discovered) breach(`${plan.discovered} discovered where ${discovered} are stored`)
  if (plan.pass > 0 && plan.retried !== was.retried + items)
    breach(`${plan.retried} retried where ${was.retried} and ${items} are stored`)
}
