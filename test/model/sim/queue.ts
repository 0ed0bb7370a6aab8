import { Fault } from "@imgmigrator/core/fault"
import type { Message } from "../../../packages/functions/src/dispatch/dispatcher.ts"
import { outside, type Proc } from "./process.ts"
import type { Tally } from "./tally.ts"
import type { Timeline } from "./timeline.ts"

export type Letter = {
  readonly number: number
  readonly message: Message
  readonly retried: number
  /** Not to be delivered before this time. */
  readonly from: number
}

/** `refused` an outage, `quota` until an hour from now, `lost` taken, and the answer is lost. */
export const publishTroubles = ["refused", "quota", "lost"] as const
export type PublishTrouble = (typeof publishTroubles)[number]

/** Messages as QStash keeps them: once an id, until they are answered. */
export type Queue = {
  readonly waiting: Letter[]
  /** Delivered or lost: what a late duplicate is a copy of. */
  readonly past: Letter[]
  readonly ahead: PublishTrouble[]
  publish(proc: Proc, message: Message, deduplicationId: string): Promise<{ readonly messageId: string }>
  /** It comes again, `ms` from now. */
  again(letter: Letter, ms: number): void
}

const remembered = 10 * 60_000
const failure = (code: string, retryAfterMs?: number) =>
  new Fault("unavailable", `dispatch.${code}`, "QStash does not take it.", {
    scope: "store",
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  })

export function newQueue(time: Timeline, tally: Tally): Queue {
  const waiting: Letter[] = []
  const ids = new Map<string, number>()
  const ahead: PublishTrouble[] = []
  let serial = 0

  const accept = (message: Message, id: string) => {
    const before = ids.get(id)
    if (before !== undefined && time.now() - before < remembered) {
      tally.accept("queue: deduplicated")
      return { messageId: "msg_known" }
    }
    ids.set(id, time.now())
    const letter = { number: serial++, message, retried: 0, from: time.now() }
    waiting.push(letter)
    return { messageId: `msg_${letter.number}` }
  }
  return {
    waiting,
    past: [],
    ahead,
    again: (letter, ms) => {
      waiting.push({ ...letter, retried: letter.retried + 1, from: time.now() + ms })
    },
    publish: (proc, message, id) => {
      const trouble = ahead.shift()
      if (trouble) tally.accept(`publish: ${trouble}`)
      return outside(proc, {
        what: "publish",
        there: proc.random.between(5, 30),
        back: proc.random.between(5, 30),
        effect: () => {
          if (trouble === "refused") throw failure("failed", 60_000)
          if (trouble === "quota") throw failure("quota", 3_600_000)
          const receipt = accept(message, id)
          if (trouble === "lost") throw failure("unreachable", 60_000)
          return receipt
        },
      })
    },
  }
}
