import type { Account } from "../engine/account.ts"
import { cancel } from "../engine/cancel.ts"
import { newId } from "../engine/ids.ts"
import type { Call, Reply } from "../http/exchange.ts"
import { notFound } from "../http/problem.ts"
import { parseAmount, parseQuery, type Query, valuesOf } from "../http/query.ts"
import { dateFilters, matcher, messageFilters, placeFilters } from "./filters.ts"
import { messageShape } from "./shapes.ts"

/** `GET /v2/messages/{id}`: until it has been delivered or given up. */
export function getMessage(account: Account, _: Call, id = ""): Reply {
  const message = account.state.messages.get(id)
  if (!message) throw notFound(`message ${id}`)
  return { status: 200, body: messageShape(account, message) }
}

/** `DELETE /v2/messages/{id}` */
export async function cancelMessage(account: Account, _: Call, id = ""): Promise<Reply> {
  const message = account.state.messages.get(id)
  if (!message) throw notFound(`message ${id}`)
  cancel(account, message)
  await account.state.commit()
  return { status: 202, body: { cancelled: 1 } }
}

const parameters = [...messageFilters, ...placeFilters, ...dateFilters, "messageIds", "async", "count"]

/** `DELETE /v2/messages`: by ids; by filters, as a bulk action; without any, everything. */
export async function cancelMessages(account: Account, call: Call): Promise<Reply> {
  const query = parseQuery(call, parameters)
  const body = query.messageIds ? cancelByIds(account, query) : cancelByFilter(account, query)
  await account.state.commit()
  return { status: 202, body }
}

/** Unknown ids are passed over. An empty list, which only an old SDK can send, cancels nothing. */
function cancelByIds(account: Account, query: Query) {
  const messages = [...new Set(valuesOf(query, "messageIds"))].flatMap(
    (id) => account.state.messages.get(id) ?? [],
  )
  for (const message of messages) cancel(account, message)
  return { cancelled: messages.length }
}

const largestCount = 500

function cancelByFilter(account: Account, query: Query) {
  const match = matcher(query)
  const count = parseAmount(query, "count", largestCount, largestCount)
  const all = [...account.state.messages.values()].filter((message) => match(message, message.createdAt))
  // Before September 2026 `count` limited a call; now one call does all.
  const messages = account.bulkCancel === "counted" ? all.slice(0, count) : all
  for (const message of messages) cancel(account, message)
  if (account.bulkCancel === "counted") return { cancelled: messages.length }
  const actionId = record(account, query, messages.length)
  return { cancelled: messages.length, ...(query.async?.[0] === "true" && { actionId }) }
}

/** Takes note of a bulk action. Ours are finished before they are heard of. */
function record({ state, clock }: Account, query: Query, total: number): string {
  const now = clock.now()
  const actionId = newId("act", now)
  const filter = Object.fromEntries(
    Object.entries(query).filter(([name]) => name !== "async" && name !== "count"),
  )
  state.actions.put(actionId, { actionId, total, createdAt: now, filter })
  return actionId
}
