import type { Fields } from "../http/headers.ts"
import { parseOrder } from "../http/order.ts"
import type { Account } from "./account.ts"
import { newId } from "./ids.ts"
import type { Answer, DeadLetter, Message } from "./message.ts"
import { accept, type Receipt } from "./publish.ts"

/** A dlqId, `1725323658779-0`, in parts: when, and which of those that failed in the same ms. */
export type DlqPosition = readonly [at: number, turn: number]

export function dlqPosition(dlqId: string): DlqPosition | undefined {
  const [, at, turn] = /^(\d{1,15})-(\d{1,9})$/.exec(dlqId) ?? []
  return at === undefined ? undefined : [Number(at), Number(turn)]
}

/** Puts a message that has failed for good among the dead letters; returns its dlqId. */
export function bury(account: Account, message: Message, answer: Answer): string {
  const { letters } = account.state
  const at = account.clock.now()
  const [lastAt, lastTurn] = account.lastLetter
  let turn = at === lastAt ? lastTurn + 1 : 0
  // After a restart with a clock that stood still.
  while (letters.has(`${at}-${turn}`)) turn += 1
  account.lastLetter = [at, turn]
  const dlqId = `${at}-${turn}`
  letters.put(dlqId, { dlqId, message, answer, at })
  return dlqId
}

/** Letters are kept as long as the plan says. Source: upstash.com/pricing/qstash, Max DLQ Retention. */
export function expireLetters({ state, clock, plan }: Account) {
  for (const { dlqId, at } of state.letters.values()) {
    if (at + plan.dlqRetentionMs > clock.now()) return
    state.letters.drop(dlqId)
  }
}

/**
 * Publishes a dead letter anew, with an id of its own, and removes it. Headers that were given override the message's.
 * Source: Upstash docs, QStash > API > Retry a DLQ message.
 */
export async function retryLetter(
  account: Account,
  { dlqId, message }: DeadLetter,
  given: Fields,
): Promise<Receipt> {
  const now = account.clock.now()
  const fresh = {
    ...override(account, message, given, now),
    id: newId("msg", now),
    createdAt: now,
    retried: 0,
    holds: undefined,
  }
  accept(account, fresh)
  account.state.letters.drop(dlqId)
  await account.state.commit()
  if (account.state.messages.has(fresh.id)) account.dispatcher.submit(fresh)
  return { messageId: fresh.id }
}

/** Only what the headers name is changed: their order is read, and of it those parts are taken. */
function override(account: Account, message: Message, given: Fields, now: number): Message {
  const ours = Object.entries(given).filter(([name]) => name.startsWith("Upstash-"))
  const order = parseOrder(Object.fromEntries(ours), message.body, {
    plan: account.plan,
    now,
    callerIp: message.callerIp,
  })
  const names = new Set(ours.map(([name]) => name))
  if (order.flowKey !== undefined && order.flow) account.flows.configure(order.flowKey, order.flow)
  return {
    ...message,
    notBefore: order.notBefore ?? now + (order.delayMs ?? 0),
    headers: { ...message.headers, ...order.headers },
    ...(names.has("Upstash-Method") && { method: order.method }),
    ...(names.has("Upstash-Retries") && { maxRetries: order.maxRetries }),
    ...(names.has("Upstash-Retry-Delay") && { retryDelay: order.retryDelay }),
    ...(names.has("Upstash-Timeout") && { timeoutMs: order.timeoutMs }),
    ...(names.has("Upstash-Callback") && { callback: order.callback }),
    ...(names.has("Upstash-Failure-Callback") && { failureCallback: order.failureCallback }),
    ...(names.has("Upstash-Flow-Control-Key") && { flowKey: order.flowKey, flow: order.flow }),
    ...(names.has("Upstash-Label") && { labels: order.labels }),
    ...(names.has("Upstash-Redact-Fields") && { redaction: order.redaction }),
  }
}
