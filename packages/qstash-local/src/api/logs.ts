import type { Account } from "../engine/account.ts"
import type { Event } from "../engine/events.ts"
import { shownBody, shownHeaders } from "../engine/redact.ts"
import type { Call, Reply } from "../http/exchange.ts"
import { badRequest } from "../http/problem.ts"
import { parseAmount, parseQuery, type Query, valuesOf } from "../http/query.ts"
import { dateFilters, matcher, messageFilters, order, placeFilters } from "./filters.ts"
import { page } from "./page.ts"
import { callbackHeader } from "./shapes.ts"

const states = [
  "CREATED",
  "ACTIVE",
  "RETRY",
  "ERROR",
  "IN_PROGRESS",
  "DELIVERED",
  "FAILED",
  "CANCEL_REQUESTED",
  "CANCELED",
]
const parameters = [
  ...messageFilters,
  ...placeFilters,
  ...dateFilters,
  "messageId",
  "messageIds",
  "state",
  "cursor",
  "count",
  "order",
]

/** `GET /v2/logs`: 100 a page. */
export const listLogs = (account: Account, call: Call) => list(account, call, "logs", 100)

/** `GET /v2/events`, the same under its older name, which SDK 2.12 calls: up to 1,000 a page. */
export const listEvents = (account: Account, call: Call) => list(account, call, "events", 1000)

function list(account: Account, call: Call, name: string, largestPage: number): Reply {
  const query = parseQuery(call, parameters)
  const count = parseAmount(query, "count", 100, largestPage)
  const after = query.cursor?.[0]
  if (after !== undefined && !/^\d{1,15}$/.test(after)) throw badRequest(`invalid cursor: ${after}`)
  const isFirst = order(query) === "earliestFirst"
  const events = isFirst ? [...account.events.newestFirst()].reverse() : account.events.newestFirst()
  const { items, cursor } = page(
    matching(account, events, query),
    count,
    ({ seq }) => after === undefined || (isFirst ? seq > Number(after) : seq < Number(after)),
    ({ seq }) => String(seq),
  )
  return { status: 200, body: { cursor, [name]: items.map(shape) } }
}

function* matching({ clock, plan }: Account, events: Iterable<Event>, query: Query): Generator<Event> {
  const match = matcher(query)
  const wanted = statesOf(query)
  const ids = query.messageIds && new Set(valuesOf(query, "messageIds"))
  const since = clock.now() - plan.logRetentionMs
  for (const event of events) {
    if (event.time < since || (wanted && !wanted.has(event.state)) || (ids && !ids.has(event.message.id)))
      continue
    if (match(event.message, event.time)) yield event
  }
}

/** IN_PROGRESS is any of three; CANCELLED is how the documentation spells what SDKs call CANCELED. */
function statesOf(query: Query): Set<string> | undefined {
  const values = query.state
    ?.flatMap((value) => value.split(","))
    .map((value) => value.replace("CANCELLED", "CANCELED"))
  const unknown = values?.find((value) => !states.includes(value))
  if (unknown !== undefined) throw badRequest(`invalid state: ${unknown}`)
  return (
    values &&
    new Set(values.flatMap((value) => (value === "IN_PROGRESS" ? ["ACTIVE", "RETRY", "ERROR"] : value)))
  )
}

/** Bodies are Base64 here. The answer belongs to what went wrong. */
export function shape({ time, state, message, answer, nextDeliveryTime }: Event) {
  const { redaction } = message
  const failed = answer && (state === "ERROR" || state === "FAILED") ? answer : undefined
  return {
    time,
    state,
    messageId: message.id,
    url: message.url,
    method: message.method,
    header: shownHeaders(message.headers, redaction),
    body: shownBody(message.body, redaction).toString("base64"),
    nextDeliveryTime,
    ...(failed && { error: failed.error ?? `unexpected response status ${failed.status}` }),
    ...(failed &&
      failed.error === undefined && {
        responseStatus: failed.status,
        responseHeaders: failed.headers,
        responseBody: failed.body.toString("base64"),
      }),
    topicName: message.topicName,
    endpointName: message.endpointName,
    queueName: message.queueName,
    scheduleId: message.scheduleId,
    flowControlKey: message.flowKey,
    maxRetries: message.maxRetries,
    retryDelayExpression: message.retryDelay,
    retryDelayExpr: message.retryDelay, // as qstash-py reads it
    timeout: message.timeoutMs,
    callback: message.callback?.url,
    callbackHeaders: callbackHeader(message.callback),
    failureCallback: message.failureCallback?.url,
    failureCallbackHeaders: callbackHeader(message.failureCallback),
    callerIP: message.callerIp,
    label: message.labels[0],
    labels: message.labels.length > 0 ? message.labels : undefined,
  }
}
