import { Lane } from "@imgmigrator/core/lane"
import { MigrationRow } from "../../../packages/functions/src/db/rows.ts"
import type { Proc } from "../sim/process.ts"
import type { Sim } from "../sim/sim.ts"
import type { Change } from "../sim/table/engine.ts"

/** What the test itself remembers of a migration: its own idea of the ledger, from every change that was made. */
export type Known = {
  readonly id: string
  /** Each status since when, ms on the timeline, and who set it. */
  readonly statuses: {
    readonly status: MigrationRow["status"]
    readonly at: number
    readonly by: Proc | undefined
  }[]
  row: MigrationRow
  readonly lanes: Map<number, Lane>
  /** Who claimed a lane under which fence, by "lane/fence". */
  readonly owners: Map<string, Proc>
  /**
   * Who tried an item, by "chunk/index", when the lane went on to another: some were killed by then, others before they
   * could say that they live.
   */
  readonly triers: Map<string, Proc[]>
  /** Which lane got a chunk. */
  readonly chunks: Map<number, number>
  /** Chunks that are booked. */
  readonly booked: Set<number>
  /** The first chunk of the pass that is being planned. */
  passFrom: number
}

export type Batch = {
  readonly sim: Sim
  readonly known: Known
  readonly writer: Proc | undefined
  readonly changes: readonly Change[]
  breach(what: string): void
}

export type Rule = (batch: Batch, change: Change) => void

const place = /^(?:USER#[^#]+|MIGRATION#(\w+)(?:#(\d+))?)$/

/** Which migration a row belongs to, and which chunk; `undefined`: none. */
export function whose({ pk, sk }: Pick<Change, "pk" | "sk">): { id: string; n?: number } | undefined {
  const [, own, n] = place.exec(pk) ?? []
  const id = own ?? /^MIGRATION#(\w+)$/.exec(sk)?.[1]
  if (id === undefined) return undefined
  return { id, ...(n !== undefined && { n: Number(n) }) }
}

/** Keeps what is known of each migration, and lets the rules look at every change before it is taken over. */
export function newLedger(sim: Sim, rules: readonly Rule[]): ReadonlyMap<string, Known> {
  const migrations = new Map<string, Known>()
  sim.table.engine.onChange((changes) => {
    const writer = sim.table.writer()
    for (const change of changes) {
      const id = whose(change)?.id
      if (id === undefined) continue
      if (!migrations.has(id)) begin(migrations, changes)
      const known = migrations.get(id)
      if (!known) continue
      const breach = (what: string) =>
        sim.breach(`${id}: ${what} (${change.pk} ${change.sk} by ${writer?.name})`)
      for (const rule of rules) rule({ sim, known, writer, changes, breach }, change)
    }
    for (const change of changes) takeOver(sim, migrations, change, writer)
  })
  return migrations
}

function begin(migrations: Map<string, Known>, changes: readonly Change[]) {
  for (const { pk, after } of changes) {
    if (!pk.startsWith("USER#") || !after || typeof after.id !== "string" || after.status !== "pending")
      continue
    migrations.set(after.id, {
      id: after.id,
      statuses: [],
      row: MigrationRow.parse(after),
      lanes: new Map(),
      owners: new Map(),
      triers: new Map(),
      chunks: new Map(),
      booked: new Set(),
      passFrom: 0,
    })
  }
}

function takeOver(
  sim: Sim,
  migrations: ReadonlyMap<string, Known>,
  change: Change,
  writer: Proc | undefined,
) {
  const known = migrations.get(whose(change)?.id ?? "")
  if (!known || !change.after) return
  if (change.pk.startsWith("USER#")) {
    const row = MigrationRow.parse(change.after)
    if (known.statuses.at(-1)?.status !== row.status) {
      known.statuses.push({ status: row.status, at: sim.time.now(), by: writer })
      sim.tell(`${known.id} ${row.status}${row.error ? ` (${row.error.code})` : ""} by ${writer?.name}`)
    }
    known.row = row
  }
  if (!change.sk.startsWith("LANE#")) return
  const lane = Lane.parse(change.after)
  const before = known.lanes.get(lane.lane)
  if (writer && before && lane.fence > before.fence) {
    const last = known.owners.get(`${before.lane}/${before.fence}`)
    if (before.trying && last) {
      const item = before.trying.slice(0, 2).join("/")
      known.triers.set(item, [...(known.triers.get(item) ?? []), last])
    }
    known.owners.set(`${lane.lane}/${lane.fence}`, writer)
    sim.tell(`${writer.name} has lane ${lane.lane} of ${known.id} under fence ${lane.fence}`)
  }
  const isSameRun = before && lane.from === before.from && lane.to === before.to
  for (let n = isSameRun ? before.at : lane.from; n < lane.at; n++) {
    known.booked.add(n)
    sim.tell(`${writer?.name} booked chunk ${n} of ${known.id}`)
  }
  if (before && (lane.from !== before.from || lane.to !== before.to))
    for (let n = lane.from; n < lane.to; n++) known.chunks.set(n, lane.lane)
  if (lane.plan && before?.plan && lane.plan.pass > before.plan.pass) known.passFrom = before.plan.chunks
  known.lanes.set(lane.lane, lane)
}
