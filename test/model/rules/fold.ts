import type { Item, ItemOutcome } from "@imgmigrator/core/outcome"
import { unpackManifest, unpackMoved, unpackOutcomes } from "../../../packages/functions/src/db/manifests.ts"
import type { Engine } from "../sim/table/engine.ts"
import type { Row, Value } from "../sim/table/values.ts"

/** What the rows of a chunk say, read anew and apart from db/chunks.ts. */
export type Folded = {
  readonly items: readonly Item[]
  readonly outcomes: ReadonlyMap<number, ItemOutcome>
  readonly moved: ReadonlySet<number>
}

const cached = <T>(unpack: (blob: Uint8Array) => T) => {
  const known = new WeakMap<Uint8Array, T>()
  return (value: Value | undefined): T => {
    if (!(value instanceof Uint8Array)) throw new Error("A row without its blob.")
    const found = known.get(value) ?? unpack(value)
    known.set(value, found)
    return found
  }
}
export const itemsOf = cached(unpackManifest)
const outcomesOf = cached(unpackOutcomes)
const movedOf = cached(unpackMoved)

export function foldChunk(rows: readonly Row[]): Folded | undefined {
  const manifest = rows.find(({ sk }) => sk === "MANIFEST")
  if (!manifest) return undefined
  const items = itemsOf(manifest.items)
  const outcomes = new Map<number, ItemOutcome>()
  const moved = new Set<number>()
  for (const row of rows) {
    const sk = String(row.sk)
    if (sk.startsWith("OUTCOME#"))
      for (const [index, outcome] of outcomesOf(row.outcomes)) outcomes.set(index, outcome)
    if (sk.startsWith("MOVED#")) for (const index of movedOf(row.moved)) moved.add(index)
  }
  items.forEach(({ planned }, index) => {
    if (planned.state === "decided") outcomes.set(index, planned.outcome)
  })
  return { items, outcomes, moved }
}

export const chunkRows = (engine: Engine, id: string, n: number) => engine.partition(`MIGRATION#${id}#${n}`)

export type Counts = { m: number; s: number; f: number; bytes: number }
export const nothing = (): Counts => ({ m: 0, s: 0, f: 0, bytes: 0 })

export function countsOf(outcomes: Iterable<ItemOutcome>): Counts {
  const counts = nothing()
  for (const { outcome, bytes = 0 } of outcomes) {
    if (outcome === "migrated") {
      counts.m += 1
      counts.bytes += bytes
    } else if (outcome === "skipped") counts.s += 1
    else counts.f += 1
  }
  return counts
}

export const plus = (a: Counts, b: Counts): Counts => ({
  m: a.m + b.m,
  s: a.s + b.s,
  f: a.f + b.f,
  bytes: a.bytes + b.bytes,
})
export const sameCounts = (a: Counts, b: Counts): boolean =>
  a.m === b.m && a.s === b.s && a.f === b.f && a.bytes === b.bytes
export const within = (a: Counts, b: Counts): boolean =>
  a.m <= b.m && a.s <= b.s && a.f <= b.f && a.bytes <= b.bytes
export const words = ({ m, s, f, bytes }: Counts): string => `${m}/${s}/${f} (${bytes} bytes)`
