import { createHash } from "node:crypto"
import { Fault } from "@imgmigrator/core/fault"
import { emptyPlan, isHeld, type Lane, lanesWorthWaking, newLane } from "@imgmigrator/core/lane"
import { addLane, markSent, readLane, readLanes, unmarkSent } from "../db/lanes.ts"
import { countMessage } from "../db/meter.ts"
import { setWaiting } from "../db/migrations.ts"
import type { MigrationRow } from "../db/rows.ts"
import { mayHaveArrived } from "../dispatch/refusal.ts"
import { log } from "../log.ts"
import { type SenderWorld, theSenderWorld } from "./sender-world.ts"
import { type Turn, takeTurn } from "./turn.ts"

type Whose = Pick<MigrationRow, "id" | "user_id">

/** Ten minutes of deduplication must not eat a message sent again on purpose: each marked send has an id of its own. */
const deduplicationId = (id: string, { lane, fence, sent }: Lane): string =>
  createHash("sha256").update(`${id}:${lane}:${fence}:${sent}`).digest("hex")

/**
 * Publish the message that `marked` says was sent. Where the dispatcher does not take it, the migration says what it
 * waits for, and the sweeper sends it again: never an error for the caller.
 */
async function send(
  whose: Whose,
  marked: Lane,
  seen: Lane,
  turn: Turn,
  world: SenderWorld,
): Promise<boolean> {
  const message = { migration_id: whose.id, user_id: whose.user_id, lane: marked.lane }
  const now = world.clock.now()
  try {
    await world.dispatcher().publish(message, {
      deduplicationId: deduplicationId(whose.id, marked),
      ...(turn.at > now && { delaySeconds: (turn.at - now) / 1000 }),
    })
  } catch (error) {
    log.warn("message not published", { migration_id: whose.id, lane: marked.lane, error })
    await turn.giveBack()
    // A message that may have been taken after all counts as sent. One that was not is no message without an answer.
    if (!mayHaveArrived(error)) await unmarkSent(whose.id, marked, seen)
    const reason = error instanceof Fault ? error.message : "The message could not be sent."
    const retryAfterMs = error instanceof Fault ? error.retryAfterMs : undefined
    await setWaiting(whose, { reason, ...(retryAfterMs !== undefined && until(now + retryAfterMs)) })
    return false
  }
  countMessage()
  if (turn.at - now > worthSaying)
    await setWaiting(whose, {
      reason: `The ${turn.limit} messages a day of QSTASH_PLAN are spread over the day.`,
      ...until(turn.at),
    })
  return true
}

/** A pause that one would wonder about, in ms. */
const worthSaying = 60_000

const until = (at: number) => ({ until: new Date(at).toISOString() })

/** Mark, then send: of two who see the same lane, one sends. */
export const wakeLane = (whose: Whose, seen: Lane, world: SenderWorld = theSenderWorld): Promise<boolean> =>
  wake(whose, seen, false, world)

async function wake(whose: Whose, seen: Lane, isAsked: boolean, world: SenderWorld): Promise<boolean> {
  const turn = await takeTurn(seen, isAsked, world)
  // From its turn on the message is missed, not from now.
  const marked = await markSent(whose.id, seen, turn.at)
  if (marked) return send(whose, marked, seen, turn, world)
  await turn.giveBack()
  return false
}

async function wakeNewLane(whose: Whose, k: number, isAsked: boolean, world: SenderWorld): Promise<boolean> {
  const fresh = newLane(k, whose.user_id)
  const turn = await takeTurn(fresh, isAsked, world)
  const marked = await addLane(whose.id, fresh, turn.at)
  if (marked) return send(whose, marked, fresh, turn, world)
  await turn.giveBack()
  return false
}

/** After a create, a resume or a retry: lane 0 looks after the rest. Never throws for a dispatcher that is down. */
export async function wakeMigration(whose: Whose, world: SenderWorld = theSenderWorld): Promise<boolean> {
  const lane = await readLane(whose.id, 0)
  return lane ? wake(whose, lane, true, world) : wakeNewLane(whose, 0, true, world)
}

/** Does it wait for a time that has not come? */
export const isWaiting = ({ waiting }: Pick<MigrationRow, "waiting">, at: number): boolean =>
  waiting?.until !== undefined && Date.parse(waiting.until) > at

const isOut = (lane: Lane, at: number) => isHeld(lane, at) || lane.sent > 0

/**
 * Wake as many lanes as the chunks that nobody has taken are worth, counting those at work or on their way, but not
 * `except`, who is asking and busy otherwise.
 */
export async function wakeIdleLanes(
  row: MigrationRow,
  except: number | undefined,
  world: SenderWorld = theSenderWorld,
): Promise<number> {
  const at = world.clock.now()
  // There are no messages, or too few to have more lanes at work.
  if (isWaiting(row, at)) return 0
  const lanes = await readLanes(row.id)
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
    if (await (lane ? wakeLane(row, lane, world) : wakeNewLane(row, k, false, world))) woken += 1
  }
  return woken
}
