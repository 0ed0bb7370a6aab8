import type { Lane } from "@imgmigrator/core/lane"
import { isFirst, turnOf } from "@imgmigrator/core/turn"
import { addMessages } from "../db/usage.ts"
import { count } from "../metrics.ts"
import type { SenderWorld } from "./sender-world.ts"

export type Turn = {
  /** When the message is to arrive, in ms since 1970: now, or when the plan's messages of a day have come so far. */
  readonly at: number
  /** The plan's messages a day; absent where it has no limit. */
  readonly limit?: number
  /** It was not sent after all: it does not count. */
  giveBack(): Promise<void>
}

/**
 * Count a message to this lane, and say when it may arrive. What somebody asked for (`isAsked`) and what is new never
 * waits here; lanes that go on keep to a pace that leaves some for the rest of the day. Nothing is refused: whether the
 * day's messages are used up, only QStash knows.
 */
export async function takeTurn(
  lane: Pick<Lane, "lane" | "spent">,
  isAsked: boolean,
  { clock, dispatcher }: SenderWorld,
): Promise<Turn> {
  const at = clock.now()
  const limit = limitOf(dispatcher)
  if (limit === undefined) return { at, giveBack: async () => {} }
  const n = await booked(at, 1)
  const mayGo = isAsked || isFirst(lane.lane, lane.spent.messages)
  return {
    at: mayGo ? at : turnOf(n, limit, at),
    limit,
    giveBack: async () => {
      await booked(at, -1)
    },
  }
}

/** Each attempt to deliver is a message of the plan's (Upstash: QStash pricing, FAQ); the first was counted when it was sent. */
export async function countRepeat({ clock, dispatcher }: SenderWorld): Promise<void> {
  if (limitOf(dispatcher) !== undefined) await booked(clock.now(), 1)
}

async function booked(at: number, n: number): Promise<number> {
  const messages = await addMessages(at, n)
  count("MessagesToday", messages)
  return messages
}

/** Where nothing can deliver, sending says so, not counting. */
function limitOf(dispatcher: SenderWorld["dispatcher"]): number | undefined {
  try {
    return dispatcher().messagesPerDay
  } catch {
    return undefined
  }
}
