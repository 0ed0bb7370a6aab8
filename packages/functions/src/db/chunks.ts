import { type Done, nothingDone } from "@imgmigrator/core/lane"
import type { Item, ItemOutcome } from "@imgmigrator/core/outcome"
import * as z from "zod"
import { keys, partition } from "./keys.ts"
import {
  type Outcomes,
  packManifest,
  packMoved,
  packOutcomes,
  unpackManifest,
  unpackMoved,
  unpackOutcomes,
} from "./manifests.ts"
import { parseRow } from "./rows.ts"
import { put, query } from "./table.ts"

const Blob = z.instanceof(Uint8Array)
const ManifestRow = z.object({ sk: z.literal("MANIFEST"), fence: z.int(), items: Blob })
const OutcomeRow = z.object({ sk: z.string().startsWith("OUTCOME#"), outcomes: Blob })
const MovedRow = z.object({ sk: z.string().startsWith("MOVED#"), pass: z.int(), moved: Blob })
const FailedRow = z.object({ n: z.int(), count: z.int() })

/** Store a chunk's items. `false`: a planner with a higher fence was here, and the caller is not lane 0 any more. */
export async function putManifest(
  id: string,
  n: number,
  fence: number,
  items: readonly Item[],
): Promise<boolean> {
  const refused = await put({
    key: keys.manifest(id, n),
    item: { fence, items: await packManifest(items) },
    condition: "attribute_not_exists(#pk) OR #fence <= :mine",
    values: { mine: fence },
  })
  return !refused
}

/** Append outcomes; a segment is written once, under the writer's own fence, so that no late writer can change another's. */
export async function putOutcomes(
  id: string,
  n: number,
  fence: number,
  seq: number,
  outcomes: Outcomes,
): Promise<void> {
  await put({ key: keys.outcome(id, n, fence, seq), item: { outcomes: await packOutcomes(outcomes) } })
}

/** Say that a chunk has failures, before the checkpoint that completes it. */
export async function putFailed(id: string, n: number, count: number): Promise<void> {
  await put({ key: keys.failed(id, n), item: { n, count } })
}

export async function putMoved(
  id: string,
  n: number,
  pass: number,
  indices: readonly number[],
): Promise<void> {
  await put({ key: keys.moved(id, n, pass), item: { pass, moved: await packMoved(indices) } })
}

/** The chunks with failures, `from ≤ n < until`, ascending. */
export async function* failedChunks(id: string, from: number, until: number): AsyncGenerator<number> {
  if (until <= from) return
  for await (const row of query({
    condition: "#pk = :pk AND #sk BETWEEN :from AND :until",
    values: {
      pk: partition.migration(id),
      from: keys.failed(id, from).sk,
      until: keys.failed(id, until - 1).sk,
    },
  }))
    yield parseRow(FailedRow, row).n
}

export type Chunk = {
  readonly n: number
  readonly items: readonly Item[]
  /** Folded: those decided while planning, then every segment, the highest fence last. */
  readonly outcomes: Outcomes
  /** Which pass moved an item on. */
  readonly moved: ReadonlyMap<number, number>
  /** Outcome segments found: what a leaseholder numbers its own behind, for reading only. */
  readonly segments: number
}

/** A whole chunk; strong. The books' truth is this fold. */
export async function readChunk(id: string, n: number): Promise<Chunk | undefined> {
  let items: readonly Item[] | undefined
  const outcomes = new Map<number, ItemOutcome>()
  const moved = new Map<number, number>()
  let segments = 0
  for await (const row of query({ condition: "#pk = :pk", values: { pk: partition.chunk(id, n) } })) {
    const sk = String(row.sk)
    if (sk === "MANIFEST") {
      items = unpackManifest(parseRow(ManifestRow, row).items)
      continue
    }
    if (sk.startsWith("MOVED#")) {
      const { pass, moved: blob } = parseRow(MovedRow, row)
      for (const index of unpackMoved(blob)) moved.set(index, pass)
      continue
    }
    // Keys sort by fence, then sequence: a later segment of a higher fence wins.
    segments += 1
    for (const [index, outcome] of unpackOutcomes(parseRow(OutcomeRow, row).outcomes))
      outcomes.set(index, outcome)
  }
  if (!items) return undefined
  items.forEach(({ planned }, index) => {
    if (planned.state === "decided") outcomes.set(index, planned.outcome)
  })
  return { n, items, outcomes, moved, segments }
}

/** Outcomes as counts. */
export function countOutcomes(outcomes: Iterable<ItemOutcome>): Done {
  let { m, s, f, bytes } = nothingDone
  for (const { outcome, bytes: size = 0 } of outcomes) {
    if (outcome === "migrated") {
      m += 1
      bytes += size
    }
    if (outcome === "skipped") s += 1
    if (outcome === "failed") f += 1
  }
  return { m, s, f, bytes }
}
