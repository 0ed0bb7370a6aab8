import type { Account } from "./account.ts"
import { forget } from "./fly.ts"
import type { Message } from "./message.ts"

/**
 * Cancels a message. One in flight is not called back; it is not tried again.
 * Source: Upstash docs, QStash > How To > Debug Logs.
 */
export function cancel(account: Account, message: Message) {
  const { clock, events, dispatcher, counters } = account
  const now = clock.now()
  events.add(now, "CANCEL_REQUESTED", message)
  forget(account, message)
  if (!dispatcher.withdraw(message)) return
  events.add(now, "CANCELED", message)
  counters.count("canceled")
}
