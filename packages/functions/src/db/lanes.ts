import { isHeld, Lane, leaseTtl, newLane, type Plan } from "@imgmigrator/core/lane"
import { keys, partition, prefix } from "./keys.ts"
import { activeMigrations } from "./migrations.ts"
import { isRefused } from "./refusal.ts"
import { type MigrationRow, parseRow } from "./rows.ts"
import { get, type Put, put, query, type Row, transact, update } from "./table.ts"

const lane = (row: Row): Lane => parseRow(Lane, row)

/** All lanes of a migration, ascending; strong. */
export async function readLanes(id: string): Promise<readonly Lane[]> {
  const lanes: Lane[] = []
  for await (const row of query({
    condition: "#pk = :pk AND begins_with(#sk, :prefix)",
    values: { pk: partition.migration(id), prefix: prefix.lane },
  }))
    lanes.push(lane(row))
  return lanes
}

export async function readLane(id: string, k: number): Promise<Lane | undefined> {
  const row = await get(keys.lane(id, k))
  return row && lane(row)
}

/** Make the lane if there is none; another backend records only the migration. */
export async function ensureLane(id: string, k: number, userId: string): Promise<void> {
  await put({ key: keys.lane(id, k), item: newLane(k, userId), condition: "attribute_not_exists(#pk)" })
}

/** A lane that did not exist, with its first message marked as sent. `undefined`: there is one. */
export async function addLane(id: string, fresh: Lane, at: number): Promise<Lane | undefined> {
  const item: Lane = { ...fresh, sent: at, sends: 1 }
  const refused = await put({ key: keys.lane(id, item.lane), item, condition: "attribute_not_exists(#pk)" })
  return refused ? undefined : item
}

/** Mark a message as sent, before it is: of two who saw the same, one sends. */
export async function markSent(id: string, seen: Lane, at: number): Promise<Lane | undefined> {
  const result = await update({
    key: keys.lane(id, seen.lane),
    // Never the value that was seen: two marks within one millisecond must differ.
    set: { sent: Math.max(at, seen.sent + 1), sends: seen.sends + 1 },
    condition: "#sent = :seen AND #fence = :fence",
    values: { seen: seen.sent, fence: seen.fence },
  })
  return isRefused(result) ? undefined : lane(result)
}

/** The message was not accepted: the lane is as it was before the mark, unless somebody moved it on meanwhile. */
export async function unmarkSent(
  id: string,
  marked: Lane,
  seen: Pick<Lane, "sent" | "sends">,
): Promise<void> {
  await update({
    key: keys.lane(id, marked.lane),
    set: { sent: seen.sent, sends: seen.sends },
    condition: "#sent = :marked AND #fence = :fence",
    values: { marked: marked.sent, fence: marked.fence },
  })
}

export type Claim = { readonly lane: Lane } | { readonly busy: Lane } | { readonly missing: true }

/** Take the lane for one lease, with a fence higher than any before. `holder` recognises our own claim whose answer was lost. */
export async function claimLane(id: string, k: number, holder: string, at: number): Promise<Claim> {
  const result = await update({
    key: keys.lane(id, k),
    set: { lease: at + leaseTtl, sent: 0, sends: 0, holder },
    assign: [
      "#asked = #sent",
      "#fence = #fence + :one",
      "#attempts = #attempts + :one",
      "#spent.#messages = #spent.#messages + :one",
    ],
    condition: "attribute_exists(#pk) AND (#lease < :now OR #lease > :far)",
    values: { one: 1, now: at, far: at + 2 * leaseTtl },
  })
  if (!isRefused(result)) return { lane: lane(result) }
  const [row] = result.rows
  if (!row) return { missing: true }
  const found = lane(row)
  if (found.holder === holder && isHeld(found, at)) return { lane: found }
  return { busy: found }
}

/** What a leaseholder may write: absolute values, under its fence. `undefined`: the lease was taken, stop. */
export async function saveLane(
  id: string,
  mine: Pick<Lane, "lane" | "fence">,
  set: Partial<Lane>,
): Promise<Lane | undefined> {
  const result = await update({
    key: keys.lane(id, mine.lane),
    set,
    condition: "#fence = :mine",
    values: { mine: mine.fence },
  })
  return isRefused(result) ? undefined : lane(result)
}

/** We hold it no more, and live. Whoever holds it now may be about to believe that an item killed us. */
export async function saySurvived(id: string, mine: Pick<Lane, "lane" | "fence">): Promise<void> {
  await update({
    key: keys.lane(id, mine.lane),
    set: { survived: mine.fence },
    condition: "#fence > :mine AND (attribute_not_exists(#survived) OR #survived < :mine)",
    values: { mine: mine.fence },
  })
}

/** Write another row and renew the lease, only under our fence. `false`: the lease was taken, stop. */
export async function putFenced(
  id: string,
  mine: Pick<Lane, "lane" | "fence">,
  row: Put,
  set: Pick<Lane, "lease">,
): Promise<boolean> {
  const refused = await transact([
    { put: row },
    {
      update: {
        key: keys.lane(id, mine.lane),
        set,
        condition: "#fence = :mine",
        values: { mine: mine.fence },
      },
    },
  ])
  return !refused
}

/**
 * Give a lane the chunks `from ≤ n < to`: moves the migration's `next` and the lane's run together, and sets `more` in
 * the lane. `false`: somebody was faster, the migration is not running, or the lease was taken; read again.
 */
export async function handOut(
  row: Pick<MigrationRow, "user_id" | "id">,
  mine: Pick<Lane, "lane" | "fence">,
  from: number,
  to: number,
  more: Partial<Lane> = {},
): Promise<boolean> {
  const refused = await transact([
    {
      update: {
        key: keys.migration(row.user_id, row.id),
        set: { next: to },
        condition: "#next = :seen AND #status = :running",
        values: { seen: from, running: "running" },
      },
    },
    {
      update: {
        key: keys.lane(row.id, mine.lane),
        set: { from, to, at: from, ...more },
        condition: "#fence = :mine AND #at = #to",
        values: { mine: mine.fence },
      },
    },
  ])
  return !refused
}

/**
 * Start the next pass over the failed items: the migration runs again and lane 0 plans what failed. `false`: the
 * migration or the lane changed meanwhile; read again.
 */
export async function startRetry(row: MigrationRow, lane0: Lane, plan: Plan, at: number): Promise<boolean> {
  const next: Plan = {
    ...plan,
    pass: row.pass + 1,
    complete: false,
    retry_from: 0,
    retry_until: plan.chunks,
  }
  const refused = await transact([
    {
      update: {
        key: keys.migration(row.user_id, row.id),
        set: {
          status: "running",
          pass: row.pass + 1,
          active: "ACTIVE",
          totals: undefined,
          cost: undefined,
          ended_at: undefined,
          expires_at: undefined,
          marked: undefined,
          started_at: row.started_at ?? new Date(at).toISOString(),
        },
        condition: "#status = :ended AND #pass = :seen",
        values: { ended: "completed_with_failures", seen: row.pass },
      },
    },
    {
      update: {
        key: keys.lane(row.id, 0),
        set: {
          plan: next,
          lease: 0,
          sent: 0,
          sends: 0,
          attempts: 0,
          fence: lane0.fence + 1,
          released: lane0.fence + 1,
        },
        condition: "#fence = :was",
        values: { was: lane0.fence },
      },
    },
  ])
  return !refused
}

/**
 * After a local restart no worker is left, and the local queue has forgotten its messages: end every lease and every wait
 * for an answer. Only where the caller holds the state's exclusive lock.
 */
export async function expireLeases(): Promise<void> {
  for await (const { id } of activeMigrations())
    for (const { lane: k, lease, sent } of await readLanes(id))
      if (lease > 0 || sent > 0)
        await update({
          key: keys.lane(id, k),
          set: { lease: 0, sent: 0, sends: 0 },
          condition: "attribute_exists(#pk)",
        })
}
