import { same } from "../sim/table/values.ts"
import { chunkRows, foldChunk, itemsOf } from "./fold.ts"
import { type Rule, whose } from "./ledger.ts"

/** A chunk that is planned stays as it is; an outcome is written once, by the lane's holder of its time. */
export const chunkRule: Rule = ({ sim, known, writer, breach }, change) => {
  const n = whose(change)?.n
  if (n === undefined) return
  const { sk, before, after } = change
  if (!after) return breach("a row of a chunk was deleted")
  const isPlanned = n < (known.lanes.get(0)?.plan?.chunks ?? 0)
  if (sk === "MANIFEST" && before && isPlanned && !same(before.items, after.items))
    breach("the manifest of a planned chunk changed")
  if (!sk.startsWith("OUTCOME#")) return
  if (before && !same(before, after)) breach("a segment was written over")
  const fence = Number(sk.split("#")[1])
  if (known.owners.get(`${known.chunks.get(n)}/${fence}`) !== writer)
    breach("outcomes under the fence of another")
  if (!known.booked.has(n)) return
  const rows = chunkRows(sim.table.engine, known.id, n)
  const earlier = before ? [before] : []
  const [now, then] = [foldChunk(rows), foldChunk(rows.flatMap((row) => (row.sk === sk ? earlier : [row])))]
  for (const [index, outcome] of now?.outcomes ?? [])
    if (JSON.stringify(then?.outcomes.get(index)) !== JSON.stringify(outcome))
      breach(
        `item ${index} was ${JSON.stringify(then?.outcomes.get(index))} when its chunk was booked, and now is ${JSON.stringify(outcome)}`,
      )
}

/** No image is planned twice in a pass. */
export const keysRule: Rule = ({ sim, known, breach }, { sk, before, after }) => {
  if (sk !== "LANE#000" || !before || !after) return
  const chunks = known.lanes.get(0)?.plan?.chunks ?? 0
  const plan: unknown = after.plan
  if (typeof plan !== "object" || plan === null || !("complete" in plan) || !plan.complete) return
  if (known.lanes.get(0)?.plan?.complete) return
  const seen = new Set<string>()
  const until = "chunks" in plan ? Number(plan.chunks) : chunks
  for (let n = known.passFrom; n < until; n++) {
    const rows = chunkRows(sim.table.engine, known.id, n)
    for (const { key } of itemsOf(rows.find((row) => row.sk === "MANIFEST")?.items)) {
      if (seen.has(key)) breach(`${key} is planned twice`)
      seen.add(key)
    }
  }
}
