import { resendAfter, unansweredSends } from "@imgmigrator/core/backoff"
import { emptyPlan, hasWork, isHeld, type Lane, lanesWorthWaking, type Plan } from "@imgmigrator/core/lane"
import { isActive } from "@imgmigrator/core/status"
import { readLanes } from "../db/lanes.ts"
import { activeMigrations, getMigration, setWaiting } from "../db/migrations.ts"
import type { MigrationRow } from "../db/rows.ts"
import { log } from "../log.ts"
import { type SenderWorld, theSenderWorld } from "./sender-world.ts"
import { isWaiting, wakeLane, wakeMigration } from "./wake.ts"

export type Swept = {
  readonly active: number
  /** Lanes with a worker. */
  readonly lanes: number
  readonly sent: number
  /** Lanes that answer no message. */
  readonly unreachable: number
}

/**
 * Dispatch again what was not delivered: nothing depends on the queue's memory. Active migrations whose lanes have work
 * and no live worker get a message, with growing pauses while none is answered. One that can't be read keeps no other
 * waiting; the first such error rejects at the end, so that it is heard of.
 */
export async function sweep(world: SenderWorld = theSenderWorld): Promise<Swept> {
  const swept = { active: 0, lanes: 0, sent: 0, unreachable: 0 }
  const failures: unknown[] = []
  for await (const { userId, id } of activeMigrations()) {
    try {
      await look(userId, id, swept, world)
    } catch (error) {
      log.error("migration not swept", { migration_id: id, error })
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
  return swept
}

type Counts = { -readonly [Name in keyof Swept]: Swept[Name] }

async function look(userId: string, id: string, swept: Counts, world: SenderWorld): Promise<void> {
  // The index may be a moment old: the row decides.
  const row = await getMigration(userId, id)
  if (!row || !isActive(row.status)) return
  swept.active += 1
  const at = world.clock.now()
  const lanes = await readLanes(id)
  swept.lanes += lanes.filter((lane) => isHeld(lane, at)).length
  if (isWaiting(row, at)) return
  if (lanes.length === 0) {
    if (await wakeMigration(row, world)) swept.sent += 1
    return
  }
  for (const lane of due(row, lanes, at)) {
    if (lane.sends >= unansweredSends) {
      swept.unreachable += 1
      await reportUnreachable(row, lane)
    }
    if (await wakeLane(row, lane, world)) swept.sent += 1
  }
}

/** The lanes to send to: those with a run or a plan of their own to finish, and as many more as the rest is worth. */
export function due(row: MigrationRow, lanes: readonly Lane[], at: number): readonly Lane[] {
  const plan: Plan = lanes.find(({ lane }) => lane === 0)?.plan ?? emptyPlan
  const quiet = lanes.filter(
    (lane) => !isHeld(lane, at) && lane.sent + (lane.sent && resendAfter(lane.sends)) <= at,
  )
  const own = quiet.filter((lane) => lane.at < lane.to || (lane.lane === 0 && !plan.complete))
  const others = quiet.filter((lane) => !own.includes(lane))
  const busy = lanes.length - quiet.length + own.length
  const wanted = Math.max(0, lanesWorthWaking(plan, row.next, row.options.lanes) - busy)
  const taken = [...own, ...others.filter((lane) => hasWork(lane, plan, row.next)).slice(0, wanted)]
  if (taken.length > 0 || busy > 0) return taken
  // Nobody works and nothing is left to hand out, yet it has not ended: lane 0 settles it.
  return quiet.filter(({ lane }) => lane === 0)
}

async function reportUnreachable(row: MigrationRow, lane: Lane) {
  log.error("messages are not answered", { migration_id: row.id, lane: lane.lane, sends: lane.sends })
  await setWaiting(row, { reason: "Messages are not delivered. Is BASE_URL reachable from the internet?" })
}
