import { randomUUID } from "node:crypto"
import { retryAfterSeconds } from "@imgmigrator/core/backoff"
import { Fault, failureClass } from "@imgmigrator/core/fault"
import { emptyPlan, hasWork, type Lane } from "@imgmigrator/core/lane"
import type { Payload } from "@imgmigrator/core/payload"
import { isActive } from "@imgmigrator/core/status"
import type { NormalStoreRef } from "@imgmigrator/core/store-ref"
import type { Store } from "@imgmigrator/stores"
import { claimLane, ensureLane, readLane, saySurvived } from "../db/lanes.ts"
import { metered, newMeter } from "../db/meter.ts"
import {
  failMigration,
  getMigration,
  mustGetMigration,
  setWaiting,
  startMigration,
} from "../db/migrations.ts"
import type { MigrationRow } from "../db/rows.ts"
import { readSource } from "../db/sources.ts"
import { log } from "../log.ts"
import { count } from "../metrics.ts"
import { copy } from "./copy.ts"
import type { Delivery } from "./delivery.ts"
import { abandonUploads } from "./parts.ts"
import { plan } from "./plan.ts"
import { namedBefore } from "./poison.ts"
import { openSession, type Session } from "./session.ts"
import { settle } from "./settle.ts"
import { shutdown } from "./shutdown.ts"
import { whyStopped } from "./stopped.ts"
import { timeLimit } from "./time-limit.ts"
import { countRepeat } from "./turn.ts"
import { wakeIdleLanes, wakeLane } from "./wake.ts"
import { type TimedWorld, theWorld, type World } from "./world.ts"

/** `busy`: another delivery has the lane. `again`: this message is to come once more. */
export type Answer = { readonly outcome: "done" | "busy" | "again"; readonly retryAfterSeconds?: number }

export type Delivered = {
  /** When to be finished, in ms since 1970. */
  readonly deadline: number
  /** How often this message was tried before. */
  readonly retried: number
  readonly messageId: string
  /** The process ends: book what there is, and leave. */
  readonly shutdown?: AbortSignal
}

/** Of a delivery's time, the end that is kept for what is in flight. */
const closing = (span: number) => Math.min(5_000, span / 5)

/**
 * One delivery to one lane of a migration: claim → plan (lane 0) → take runs of chunks and copy → settle if nothing is
 * left → release, and wake whoever has work. Safe to deliver twice, late, or at the same time as itself.
 *
 * Fault `missing migration.missing` for one that this user does not have. Any other rejection is a bug or an outage: the
 * message should come again.
 */
export async function processMigrationAsync(
  payload: Payload,
  delivered: Delivered,
  world: World = theWorld,
): Promise<Answer> {
  if (delivered.retried > 0) await countRepeat(world)
  const limit = timeLimit(world.clock, delivered.deadline)
  try {
    return await deliver(payload, delivered, { ...world, limit: limit.signal })
  } catch (error) {
    if (whyStopped(error) !== "time") throw error
    // Late for what is done behind the lane's release: throwing away, settling.
    return { outcome: "again", retryAfterSeconds: 15 }
  } finally {
    limit.close()
  }
}

async function deliver(payload: Payload, delivered: Delivered, world: TimedWorld): Promise<Answer> {
  const row = await mustGetMigration(payload.user_id, payload.migration_id)
  if (!isActive(row.status)) return cleanUp(row, world)
  const k = payload.lane ?? 0
  if (k === 0) await ensureFirstLane(row, payload)
  const at = world.clock.now()
  const claim = await claimLane(row.id, k, `${delivered.messageId}/${randomUUID()}`, at)
  if ("missing" in claim) return { outcome: "done" }
  if ("busy" in claim)
    return { outcome: "busy", retryAfterSeconds: retryAfterSeconds(claim.busy.lease - at, world.random()) }
  if (claim.lane.asked) count("QueueDelay", Math.max(0, at - claim.lane.asked))
  const meter = newMeter()
  return metered(meter, async () => {
    const session = openSession({
      id: row.id,
      userId: row.user_id,
      lane: claim.lane,
      clock: world.clock,
      meter,
      soft: delivered.deadline - closing(delivered.deadline - at),
      hard: delivered.deadline,
      shutdown: delivered.shutdown ?? shutdown.signal,
    })
    try {
      return await work(row, claim.lane, session, world)
    } finally {
      session.close()
    }
  })
}

/** A bare payload may name a migration that another backend recorded, without lanes. */
async function ensureFirstLane(row: MigrationRow, payload: Payload) {
  if (payload.lane === undefined) await ensureLane(row.id, 0, row.user_id)
}

async function work(
  known: MigrationRow,
  claimed: Lane,
  session: Session,
  world: TimedWorld,
): Promise<Answer> {
  const opened: Store[] = []
  const open = async (ref: NormalStoreRef) => {
    const store = await world.open(ref)
    opened.push(store)
    return store
  }
  let end: { readonly error: unknown } | undefined
  try {
    const row = await startMigration(known, world.clock.now())
    if (isActive(row.status)) {
      const crashed = claimed.released !== claimed.fence - 1
      const delivery: Delivery = {
        world,
        session,
        row,
        source: await open(await readSource(row)),
        destination: await open(row.destination),
        crashed,
        named: crashed ? await namedBefore(session, world.clock) : undefined,
      }
      if (claimed.lane === 0) await plan(delivery)
      await copy(delivery)
      await finish(delivery)
    }
  } catch (error) {
    end = { error: session.signal.aborted ? session.signal.reason : error }
  }
  try {
    return await conclude(known, session, world, end)
  } finally {
    await Promise.all(opened.map((store) => store.close()))
  }
}

/** Paused, stopped or ended: nothing to do, but to throw away what a cancelled migration had begun. */
async function cleanUp(row: MigrationRow, world: TimedWorld): Promise<Answer> {
  if (row.status === "cancelled") await abandonUploads(row, world)
  return { outcome: "done" }
}

/** Nothing is left for this lane. Whoever sees that nothing is left at all ends the migration. */
async function finish({ session, world }: Delivery) {
  await settle(await mustGetMigration(session.userId, session.id), world)
}

/** Put the lane back in order, and say what this delivery's end means. */
async function conclude(
  row: MigrationRow,
  session: Session,
  world: TimedWorld,
  end: { readonly error: unknown } | undefined,
): Promise<Answer> {
  const why = whyStopped(end?.error)
  // Another has the lane, or was about to: who slept so long may still be in time to say that no image killed it.
  if (why === "lease") {
    await release(session, unbooked(session))
    return { outcome: "done" }
  }
  if (!end || why) {
    await release(session)
    await goOn(row, session, world)
    return { outcome: "done" }
  }
  const kind = failureClass(end.error)
  const fault = end.error instanceof Fault ? end.error : undefined
  if (fault && (kind === "migration-fatal" || kind === "item-permanent")) {
    log.error("migration stopped", { migration_id: row.id, code: fault.code, error: fault })
    await failMigration(row, { code: fault.code, message: fault.message })
    await release(session)
    return { outcome: "done" }
  }
  // This message will come again by itself: until then the sweeper need not send another.
  const sent = { sent: world.clock.now(), sends: 1 }
  if (!fault) {
    await release(session, { ...sent, ...unbooked(session) })
    throw end.error
  }
  await release(session, sent)
  log.warn("delivery postponed", { migration_id: row.id, code: fault.code, error: fault })
  const pause = Math.max(5_000, fault.retryAfterMs ?? 15_000) * (1 + world.random() / 2)
  // Until then the sweeper leaves it alone too.
  const until = new Date(world.clock.now() + pause).toISOString()
  await setWaiting(row, { reason: fault.message, until })
  return { outcome: "again", retryAfterSeconds: Math.ceil(pause / 1000) }
}

/** Not put back in order: what arrived may not be booked. But nobody died of the item that was being tried. */
function unbooked(session: Session): Partial<Lane> {
  const { released, attempts } = session.lane()
  return { released, attempts }
}

/** The lane is free, and its last holder left it in order. Of one that was taken meanwhile: that we live. */
async function release(session: Session, more: Partial<Lane> = {}) {
  const { fence } = session.lane()
  await session
    .save({ lease: 0, released: fence, trying: undefined, rate: 0, attempts: 0, ...more })
    .catch(async (error: unknown) => {
      if (whyStopped(error) !== "lease") throw error
      await saySurvived(session.id, session.lane())
    })
}

/** Release first, then look again: a resume, or a plan that grew in between, is not missed. */
async function goOn(known: MigrationRow, session: Session, world: TimedWorld) {
  const row = await getMigration(known.user_id, known.id)
  if (!row) return
  if (!isActive(row.status)) {
    await cleanUp(row, world)
    return
  }
  const mine = session.lane()
  const plan = (mine.lane === 0 ? mine.plan : (await readLane(row.id, 0))?.plan) ?? emptyPlan
  const own = mine.at < mine.to || (mine.lane === 0 && !plan.complete)
  if (own) await wakeLane(row, mine, world)
  else if (hasWork(mine, plan, row.next)) await wakeIdleLanes(row, undefined, world)
  else await settle(row, world)
}
