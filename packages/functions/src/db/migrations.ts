import { Fault } from "@imgmigrator/core/fault"
import { newLane } from "@imgmigrator/core/lane"
import type { Cost, Options, Stop, Totals, Waiting } from "@imgmigrator/core/migration"
import { allowedFrom, type Command, decide, type Status } from "@imgmigrator/core/status"
import type { NormalStoreRef } from "@imgmigrator/core/store-ref"
import { retentionDays } from "../settings.ts"
import { activeIndex, keys, partition, prefix } from "./keys.ts"
import { isRefused } from "./refusal.ts"
import { MigrationRow, parseRow, RequestRow } from "./rows.ts"
import { storeSource } from "./sources.ts"
import { get, query, transact, update } from "./table.ts"

const iso = (at: number) => new Date(at).toISOString()
const { attribute, value: ACTIVE, ended: ENDED } = activeIndex
/** What becomes of the index at the end: with a retention, somebody has to see to it that the rows are deleted. */
const indexedAtEnd = () => (retentionDays() === undefined ? undefined : ENDED)

/** How long an Idempotency-Key is remembered, in ms. */
export const requestTtl = 24 * 60 * 60 * 1000

export type Wish = {
  readonly userId: string
  readonly id: string
  readonly name?: string | undefined
  readonly source: NormalStoreRef
  readonly destination: NormalStoreRef
  readonly options: Options
  readonly at: number
}

/**
 * Record a migration, its first lane and, with `request`, the answer that a repeat will get: all or nothing.
 * Fault `conflict idempotency.reused` where the key was used with another body.
 */
export async function createMigration(
  wish: Wish,
  request?: { readonly key: string; readonly bodySha256: string },
): Promise<{ readonly row: MigrationRow; readonly replayed: boolean }> {
  const { userId, id, at, source, ...rest } = wish
  const { stored, rows } = await storeSource(id, source)
  const row: MigrationRow = {
    id,
    user_id: userId,
    status: "pending",
    pass: 0,
    next: 0,
    created_at: iso(at),
    active: ACTIVE,
    source: stored,
    ...rest,
  }
  const refused = await transact([
    { put: { key: keys.migration(userId, id), item: row, condition: "attribute_not_exists(#pk)" } },
    { put: { key: keys.lane(id, 0), item: newLane(0, userId), condition: "attribute_not_exists(#pk)" } },
    ...(request
      ? [
          {
            put: {
              key: keys.request(userId, request.key),
              item: {
                body_sha256: request.bodySha256,
                id,
                expires_at: Math.floor((at + requestTtl) / 1000),
              },
              // An expired row counts as absent: the table deletes it only some day.
              condition: "attribute_not_exists(#pk) OR #expires_at < :now",
              values: { now: Math.floor(at / 1000) },
            },
          },
        ]
      : []),
    ...rows,
  ])
  if (!refused) return { row, replayed: false }
  const earlier = refused.rows[2]
  if (earlier && request)
    return { row: await replay(userId, parseRow(RequestRow, earlier), request), replayed: true }
  const mine = await getMigration(userId, id)
  // Ours, of which the answer was lost: still the first answer, and still to be woken.
  if (mine) return { row: mine, replayed: false }
  throw new Error(`The id ${id} is taken.`)
}

async function replay(
  userId: string,
  earlier: { readonly body_sha256: string; readonly id: string },
  request: { readonly bodySha256: string },
): Promise<MigrationRow> {
  if (earlier.body_sha256 !== request.bodySha256)
    throw new Fault(
      "conflict",
      "idempotency.reused",
      "This Idempotency-Key was used with another body. Use a new key for a new request.",
    )
  const row = await getMigration(userId, earlier.id)
  if (!row)
    throw new Fault("missing", "migration.missing", `The migration ${earlier.id} of this key is gone.`)
  return row
}

/** The user's migration; another user's is as absent as none. */
export async function getMigration(userId: string, id: string): Promise<MigrationRow | undefined> {
  const row = await get(keys.migration(userId, id))
  return row && present(parseRow(MigrationRow, row))
}

const present = (row: MigrationRow): MigrationRow | undefined =>
  row.expires_at !== undefined && row.expires_at * 1000 <= Date.now() ? undefined : row

/** Only what a running delivery has to know, once a second. */
export async function getStatus(
  userId: string,
  id: string,
): Promise<{ status: Status; next: number; pass: number } | undefined> {
  const row = await getMigration(userId, id)
  return row && { status: row.status, next: row.next, pass: row.pass }
}

export async function mustGetMigration(userId: string, id: string): Promise<MigrationRow> {
  const row = await getMigration(userId, id)
  if (!row) throw new Fault("missing", "migration.missing", `There is no migration ${id}.`)
  return row
}

export type Listing = {
  readonly status?: Status | undefined
  readonly limit: number
  /** The id of the last migration seen. */
  readonly after?: string | undefined
}

/** The user's migrations, newest first; `after` is where the next page goes on. */
export async function listMigrations(
  userId: string,
  { status, limit, after }: Listing,
): Promise<{ readonly rows: readonly MigrationRow[]; readonly after?: string }> {
  const found: MigrationRow[] = []
  const rows = query({
    condition: "#pk = :pk AND begins_with(#sk, :prefix)",
    values: { pk: partition.user(userId), prefix: prefix.migration, ...(status && { status }) },
    newestFirst: true,
    limit: Math.max(25, limit + 1),
    ...(status && { filter: "#status = :status" }),
    ...(after !== undefined && { after: keys.migration(userId, after) }),
  })
  for await (const row of rows) {
    if (found.length === limit) return { rows: found, after: found.at(-1)?.id ?? "" }
    const migration = present(parseRow(MigrationRow, row))
    if (migration) found.push(migration)
  }
  return { rows: found }
}

/** Migrations that want work: from the sparse index, a moment old at worst. */
export const activeMigrations = () => indexed(ACTIVE)

/** Those that ended and have no date of deletion yet, where there is a retention. */
export const endedMigrations = () => indexed(ENDED)

async function* indexed(value: string): AsyncGenerator<{ readonly userId: string; readonly id: string }> {
  const rows = query({ index: activeIndex.name, condition: `#${attribute} = :value`, values: { value } })
  for await (const { pk, sk } of rows)
    yield {
      userId: String(pk).slice(partition.user("").length),
      id: String(sk).slice(prefix.migration.length),
    }
}

const isOneOf = (statuses: readonly Status[]) => ({
  condition: `#status IN (${statuses.map((_, i) => `:from${i}`).join(", ")})`,
  values: Object.fromEntries(statuses.map((status, i) => [`from${i}`, status])),
})

/**
 * Change a migration's row where its status is one of `from`; `undefined` where it is not, with the row as it stands.
 */
async function change(
  userId: string,
  id: string,
  from: readonly Status[],
  set: Readonly<Record<string, unknown>>,
): Promise<{ readonly row: MigrationRow; readonly changed: boolean }> {
  const { condition, values } = isOneOf(from)
  const result = await update({ key: keys.migration(userId, id), set, condition, values })
  if (!isRefused(result)) return { row: parseRow(MigrationRow, result), changed: true }
  const [row] = result.rows
  if (!row) throw new Fault("missing", "migration.missing", `There is no migration ${id}.`)
  return { row: parseRow(MigrationRow, row), changed: false }
}

const effect: Record<Exclude<Command, "retry">, (at: number) => Readonly<Record<string, unknown>>> = {
  pause: () => ({ status: "paused", [attribute]: undefined, waiting: undefined }),
  resume: () => ({ status: "running", [attribute]: ACTIVE, error: undefined, waiting: undefined }),
  cancel: (at) => ({
    status: "cancelled",
    [attribute]: indexedAtEnd(),
    waiting: undefined,
    ended_at: iso(at),
  }),
}

async function command(name: Exclude<Command, "retry">, userId: string, id: string, at: number) {
  const result = await change(userId, id, allowedFrom(name), effect[name](at))
  // A lost answer's repeat finds it done: that is "same". Whatever else was refused, the table of statuses says why.
  if (!result.changed) decide(name, result.row.status)
  return result
}

export const pauseMigration = (userId: string, id: string, at: number) => command("pause", userId, id, at)
export const resumeMigration = (userId: string, id: string, at: number) => command("resume", userId, id, at)
export const cancelMigration = (userId: string, id: string, at: number) => command("cancel", userId, id, at)

/** A lane has come: pending becomes running, and nothing is waited for any more. */
export async function startMigration(row: MigrationRow, at: number): Promise<MigrationRow> {
  if (row.status !== "pending" && row.waiting === undefined) return row
  const result = await change(row.user_id, row.id, ["pending", "running"], {
    status: "running",
    started_at: row.started_at ?? iso(at),
    waiting: undefined,
    [attribute]: ACTIVE,
  })
  return result.row
}

/** Stop with the reason; resumable once that is repaired. Refused where the migration is paused or has ended. */
export const failMigration = (row: Pick<MigrationRow, "user_id" | "id">, error: Stop) =>
  change(row.user_id, row.id, ["pending", "running"], { status: "failed", error, [attribute]: undefined })

/** Say what an active migration waits for. */
export const setWaiting = (row: Pick<MigrationRow, "user_id" | "id">, waiting: Waiting) =>
  change(row.user_id, row.id, ["pending", "running"], { waiting })

/**
 * The books balance: end the migration, unless meanwhile it was paused, retried or given more chunks.
 */
export async function completeMigration(
  row: Pick<MigrationRow, "user_id" | "id" | "pass">,
  chunks: number,
  ended: { readonly totals: Totals; readonly cost: Cost; readonly at: number },
): Promise<boolean> {
  const result = await update({
    key: keys.migration(row.user_id, row.id),
    set: {
      status: ended.totals.failed > 0 ? "completed_with_failures" : "completed",
      totals: ended.totals,
      cost: ended.cost,
      ended_at: iso(ended.at),
      [attribute]: indexedAtEnd(),
      waiting: undefined,
    },
    condition: "#status = :running AND #pass = :pass AND #next = :chunks",
    values: { running: "running", pass: row.pass, chunks },
  })
  return !isRefused(result)
}
