import { createHash } from "node:crypto"
import { Fault } from "@imgmigrator/core/fault"
import { emptyPlan, isHeld, type Lane, lanesWorthWaking } from "@imgmigrator/core/lane"
import { addLane, markSent, readLane, readLanes } from "../db/lanes.ts"
import { countMessage } from "../db/meter.ts"
import { setWaiting } from "../db/migrations.ts"
import type { MigrationRow } from "../db/rows.ts"
import { log } from "../log.ts"
import { theWorld, type World } from "./world.ts"

type Whose = Pick<MigrationRow, "id" | "user_id">

/** Ten minutes of deduplication must not eat a message sent again on purpose: each marked send has an id of its own. */
const deduplicationId = (id: string, { lane, fence, sent }: Lane): string =>
  createHash("sha256").update(`${id}:${lane}:${fence}:${sent}`).digest("hex")

/**
 * Publish the message that `marked` says was sent. Where the dispatcher does not take it, the migration says what it
 * waits for, and the sweeper sends it again: never an error for the caller.
 */
export async function send(whose: Whose, marked: Lane, world: World = theWorld): Promise<boolean> {
  const message = { migration_id: whose.id, user_id: whose.user_id, lane: marked.lane }
  try {
    await world.dispatcher().publish(message, { deduplicationId: deduplicationId(whose.id, marked) })
    countMessage()
    return true
  } catch (error) {
    const reason = error instanceof Fault ? error.message : "The message could not be sent."
    const retryAfterMs = error instanceof Fault ? error.retryAfterMs : undefined
    log.warn("message not published", { migration_id: whose.id, lane: marked.lane, error })
    const until =
      retryAfterMs === undefined ? {} : { until: new Date(world.clock.now() + retryAfterMs).toISOString() }
    await setWaiting(whose, { reason, ...until })
    return false
  }
}

/** Mark, then send: of two who see the same lane, one sends. */
export async function wakeLane(whose: Whose, seen: Lane, world: World = theWorld): Promise<boolean> {
  const marked = await markSent(whose.id, seen, world.clock.now())
  return marked ? send(whose, marked, world) : false
}

/** After a create, a resume or a retry: lane 0 looks after the rest. Never throws for a dispatcher that is down. */
export async function wakeMigration(whose: Whose, world: World = theWorld): Promise<boolean> {
  const lane = await readLane(whose.id, 0)
  if (lane) return wakeLane(whose, lane, world)
  const added = await addLane(whose.id, 0, whose.user_id, world.clock.now())
  return added ? send(whose, added, world) : false
}

const isOut = (lane: Lane, at: number) => isHeld(lane, at) || lane.sent > 0

/**
 * Wake as many lanes as the chunks that nobody has taken are worth, counting those at work or on their way, but not
 * `except`, who is asking and busy otherwise.
 */
export async function wakeIdleLanes(
  row: MigrationRow,
  except: number | undefined,
  world: World = theWorld,
): Promise<number> {
  const lanes = await readLanes(row.id)
  const at = world.clock.now()
  const plan = lanes.find(({ lane }) => lane === 0)?.plan ?? emptyPlan
  const worth = lanesWorthWaking(plan, row.next, row.options.lanes)
  // A planner that is done copies too: it counts as one of those that the rest is worth.
  const self = except !== undefined && plan.complete ? 1 : 0
  let wanted = worth - self - lanes.filter((lane) => lane.lane !== except && isOut(lane, at)).length
  let woken = 0
  for (let k = 0; k < row.options.lanes && wanted > 0; k++) {
    if (k === except) continue
    const lane = lanes.find((each) => each.lane === k)
    if (lane && isOut(lane, at)) continue
    wanted -= 1
    const marked = lane ? await markSent(row.id, lane, at) : await addLane(row.id, k, row.user_id, at)
    if (marked && (await send(row, marked, world))) woken += 1
  }
  return woken
}
