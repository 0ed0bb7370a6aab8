import { pauseAfter } from "../delivery/backoff.ts"
import { envelope } from "../delivery/envelope.ts"
import type { Account } from "./account.ts"
import { callBack } from "./callbacks.ts"
import type { Next } from "./dispatcher.ts"
import { bury } from "./dlq.ts"
import { deliveryFaults } from "./faults.ts"
import type { Answer, Message } from "./message.ts"

/** Makes one attempt to deliver a message and books what came of it. Never throws. */
export async function fly(account: Account, message: Message): Promise<Next> {
  const { clock, state, faults, counters, events } = account
  if (!state.messages.has(message.id)) return "over"
  const fault = faults.take(deliveryFaults, message)
  if (fault?.kind === "drop") {
    counters.count("dropped")
    forget(account, message)
    return "over"
  }
  if (fault?.kind === "delay" || fault?.kind === "reorder") return postpone(account, message, fault)
  for (const overtaken of account.overtaken.splice(0))
    queueMicrotask(() => account.dispatcher.hasten(overtaken))
  counters.count("attempts")
  // The first attempt was billed when the message was published.
  if (message.retried > 0) counters.bill(clock.now())
  events.add(clock.now(), "ACTIVE", message)
  const answer = await answers(account, message, fault?.kind)
  // A closing server cuts its calls off: that says nothing about the receiver.
  return account.courier.closed() ? "over" : settle(account, message, answer)
}

/** `reorder` lets whoever is next overtake, and follows right behind; nobody coming, it goes after its delay. */
function postpone(account: Account, message: Message, fault: { kind: string; delayMs: number }): Next {
  message.notBefore = account.clock.now() + fault.delayMs
  if (fault.kind === "reorder") account.overtaken.push(message)
  return "again"
}

async function answers(account: Account, message: Message, fault: string | undefined): Promise<Answer> {
  const { courier, state, clock } = account
  const key = state.keys.get("signing")?.current ?? ""
  const call = () => courier.deliver(message, envelope(message, key, clock.now()))
  if (fault === "twice") return (await Promise.all([call(), call()]))[0]
  const answer = await call()
  if (fault === "again") await call()
  if (fault !== "lose-response") return answer
  return { status: 0, headers: {}, body: Buffer.alloc(0), error: "the response was lost (fault)" }
}

function settle(account: Account, message: Message, answer: Answer): Next {
  const { clock, state, events, counters } = account
  const now = clock.now()
  const isDelivered = answer.status >= 200 && answer.status < 300
  if (!state.messages.has(message.id) && !isDelivered) {
    // It was cancelled while it was in flight.
    events.add(now, "CANCELED", message)
    counters.count("canceled")
    return "over"
  }
  if (isDelivered) {
    events.add(now, "DELIVERED", message, { answer })
    counters.count("delivered")
    callBack(account, message, answer)
    forget(account, message)
    return "over"
  }
  const last = message.retried >= message.maxRetries || isFinal(answer)
  if (last) return giveUp(account, message, answer)
  const pause = pauseAfter(message.retried, message.retryDelay, answer.headers, now)
  const nextDeliveryTime = now + pause
  events.add(now, "ERROR", message, { answer, nextDeliveryTime })
  callBack(account, message, answer)
  message.retried += 1
  message.notBefore = nextDeliveryTime
  state.progress.put(message.id, { retried: message.retried, notBefore: nextDeliveryTime })
  counters.count("retried")
  events.add(now, "RETRY", message, { nextDeliveryTime })
  return "again"
}

/** Source: Upstash docs, QStash > Features > Retry > Non-Retryable Error: status 489 together with the header. */
const isFinal = ({ status, headers }: Answer) =>
  status === 489 && headers["Upstash-Nonretryable-Error"]?.[0]?.toLowerCase() === "true"

function giveUp(account: Account, message: Message, answer: Answer): Next {
  const { clock, events, counters } = account
  const now = clock.now()
  const dlqId = bury(account, message, answer)
  events.add(now, "FAILED", message, { answer })
  counters.count("failed")
  callBack(account, message, answer, dlqId)
  forget(account, message)
  return "over"
}

export function forget({ state }: Account, message: Message) {
  state.messages.drop(message.id)
  state.progress.drop(message.id)
}
