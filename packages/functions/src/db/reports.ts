import { Fault } from "@imgmigrator/core/fault"
import type { Item, Outcome, ReportEntry } from "@imgmigrator/core/outcome"
import { type Chunk, failedChunks, readChunk } from "./chunks.ts"
import { readLane } from "./lanes.ts"
import type { MigrationRow } from "./rows.ts"

export type ReportQuery = {
  readonly outcome?: Outcome | "remaining" | undefined
  /** Where the last page ended: `chunk.index`. */
  readonly cursor?: string | undefined
  readonly limit: number
}

/**
 * One entry an item, in the plan's order. With `outcome: "failed"` only chunks that have failures are read. The cursor
 * is a place in the migration that the caller already named: it cannot reach anything else.
 */
export async function readReport(
  row: MigrationRow,
  { outcome, cursor, limit }: ReportQuery,
): Promise<{ readonly entries: readonly ReportEntry[]; readonly cursor?: string }> {
  const [chunk, index] = place(cursor)
  const entries: ReportEntry[] = []
  for await (const n of chunkNumbers(row, chunk, outcome)) {
    const found = await readChunk(row.id, n)
    if (!found) continue
    for (let i = n === chunk ? index : 0; i < found.items.length; i++) {
      const entry = entryOf(found, i)
      if (!entry || (outcome && entry.outcome !== outcome)) continue
      if (entries.length === limit) return { entries, cursor: `${n}.${i}` }
      entries.push(entry)
    }
  }
  return { entries }
}

function place(cursor: string | undefined): readonly [number, number] {
  if (cursor === undefined) return [0, 0]
  const found = /^(\d{1,9})\.(\d{1,6})$/.exec(cursor)
  if (!found)
    throw new Fault("invalid", "request.cursor", "cursor: take the one from the last answer, unchanged.")
  return [Number(found[1]), Number(found[2])]
}

async function* chunkNumbers(row: MigrationRow, from: number, outcome: ReportQuery["outcome"]) {
  const plan = (await readLane(row.id, 0))?.plan
  const chunks = plan?.chunks ?? 0
  if (outcome === "failed") {
    yield* failedChunks(row.id, from, chunks)
    return
  }
  for (let n = from; n < chunks; n++) yield n
}

/** Nothing for an item that a retry moved on: it stands in a later chunk. */
function entryOf(chunk: Chunk, index: number): ReportEntry | undefined {
  const item = chunk.items[index]
  if (!item || chunk.moved.has(index)) return undefined
  const outcome = chunk.outcomes.get(index)
  return {
    source: withoutQuery(item),
    destination: item.key,
    ...(outcome ?? { outcome: "remaining" }),
    ...(outcome === undefined && item.size !== undefined && { bytes: item.size }),
  }
}

/** An address's query may be a signature: it never stands in a report. */
const withoutQuery = ({ address, key }: Item): string => address?.replace(/\?.*$/s, "?…") ?? key
