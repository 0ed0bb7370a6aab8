import { createHash } from "node:crypto"
import type { Account } from "./account.ts"
import { newId } from "./ids.ts"
import type { Message, Order } from "./message.ts"
import type { Route } from "./routes.ts"

/** The answer for one message. Source: Upstash docs, QStash > API > Publish. */
export type Receipt = { readonly messageId: string; readonly url?: string; readonly deduplicated?: true }

const deduplicationMs = 10 * 60_000

/**
 * Accepts an order for one or more routes. Durable when it returns; what has been promised within the last ten minutes under
 * the same deduplication key is not done again, not even after it has failed or was cancelled.
 */
export async function publish(account: Account, order: Order, routes: readonly Route[]): Promise<Receipt[]> {
  const { clock, state, dispatcher, flows } = account
  const now = clock.now()
  const key = deduplicationKey(order, routes)
  const earlier = key === undefined ? undefined : promisedBefore(account, key, now)
  if (earlier) {
    for (const _ of earlier) account.counters.count("deduplicated")
    await state.commit()
    return earlier.map((answer) => ({ ...answer, deduplicated: true }))
  }
  if (order.flowKey !== undefined && order.flow) flows.configure(order.flowKey, order.flow)
  const messages = routes.map((route) => messageOf(order, route, now))
  for (const message of messages) accept(account, message)
  const answers = messages.map(({ id, url, topicName }) => ({
    messageId: id,
    ...(topicName !== undefined && { url }),
  }))
  if (key !== undefined) promise(account, key, answers, now)
  await state.commit()
  for (const message of messages) if (state.messages.has(message.id)) dispatcher.submit(message)
  return answers
}

/** Takes note of a message that is now ours to deliver. It must still be submitted. */
export function accept(account: Account, message: Message) {
  account.state.messages.put(message.id, message)
  account.counters.count("published")
  account.counters.bill(message.createdAt)
  account.events.add(message.createdAt, "CREATED", message)
}

function messageOf(
  { delayMs, notBefore, deduplicationId, contentDeduplication, ...order }: Order,
  route: Route,
  now: number,
): Message {
  // Not-Before wins over Delay. Source: Upstash docs, QStash > Features > Delay.
  const due = notBefore ?? now + (delayMs ?? 0)
  return {
    ...order,
    ...route,
    id: newId("msg", now),
    createdAt: now,
    notBefore: Math.max(due, now),
    retried: 0,
  }
}

/** By id, or by content: destination, body, content type and forwarded headers. */
function deduplicationKey(order: Order, routes: readonly Route[]): string | undefined {
  if (order.deduplicationId !== undefined) return `id:${order.deduplicationId}`
  if (!order.contentDeduplication) return undefined
  const hash = createHash("sha256")
  const destinations = routes.map(({ url, topicName }) => topicName ?? url)
  hash.update(JSON.stringify([destinations, Object.entries(order.headers).sort()]))
  hash.update(order.body)
  return `content:${hash.digest("hex")}`
}

function promisedBefore({ state }: Account, key: string, now: number) {
  const earlier = state.promised.get(key)
  return earlier && earlier.until > now ? earlier.answers : undefined
}

function promise({ state, promises }: Account, key: string, answers: readonly Receipt[], now: number) {
  // Expiry is in order of arrival, so the oldest can be dropped as new ones come.
  for (let oldest = promises.peek(); oldest && oldest.until <= now; oldest = promises.peek()) {
    promises.pop()
    const kept = state.promised.get(oldest.key)
    if (kept && kept.until <= now) state.promised.drop(oldest.key)
  }
  const until = now + deduplicationMs
  state.promised.put(key, { until, answers })
  promises.push({ key, until })
}
