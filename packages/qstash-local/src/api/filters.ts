import type { Message } from "../engine/message.ts"
import { badRequest } from "../http/problem.ts"
import { type Query, valuesOf } from "../http/query.ts"

/** Filters by what a message is, whether it waits, has failed or stands in the log. */
export const messageFilters = [
  "url",
  "topicName",
  "scheduleId",
  "queueName",
  "flowControlKey",
  "label",
  "callerIp",
  "callerIP",
] as const

export const placeFilters = ["host", "path"] as const
export const dateFilters = ["fromDate", "toDate"] as const

type Filter = (typeof messageFilters)[number] | (typeof placeFilters)[number] | "messageId"

const readers: Readonly<Record<Filter, (message: Message) => readonly (string | undefined)[]>> = {
  messageId: ({ id }) => [id],
  url: ({ url }) => [url],
  host: ({ url }) => [new URL(url).host, new URL(url).hostname],
  path: ({ url }) => [new URL(url).pathname],
  topicName: ({ topicName }) => [topicName],
  scheduleId: ({ scheduleId }) => [scheduleId],
  queueName: ({ queueName }) => [queueName],
  flowControlKey: ({ flowKey }) => [flowKey],
  label: ({ labels }) => labels,
  callerIp: ({ callerIp }) => [callerIp],
  callerIP: ({ callerIp }) => [callerIp],
}

const isFilter = (name: string): name is Filter => Object.hasOwn(readers, name)

export type Match = (message: Message, time: number) => boolean

/**
 * A test for messages: any of the values of one filter, all of the filters. `time` (ms) is what the dates, both
 * inclusive, are compared with.
 * Source: Upstash docs, QStash > API > List DLQ messages.
 */
export function matcher(query: Query): Match {
  const from = date(query, "fromDate", Number.NEGATIVE_INFINITY)
  const to = date(query, "toDate", Number.POSITIVE_INFINITY)
  const tests = Object.keys(query)
    .filter(isFilter)
    .map((name) => ({ read: readers[name], wanted: new Set(valuesOf(query, name)) }))
  return (message, time) =>
    time >= from &&
    time <= to &&
    tests.every(({ read, wanted }) => read(message).some((value) => value !== undefined && wanted.has(value)))
}

function date(query: Query, name: string, standard: number): number {
  const text = query[name]?.[0]
  if (text === undefined) return standard
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`invalid ${name}: ${text} is not a time in milliseconds`)
  return Number(text)
}

/** `latestFirst` unless asked otherwise. */
export function order(query: Query): "latestFirst" | "earliestFirst" {
  const text = query.order?.[0] ?? "latestFirst"
  if (text !== "latestFirst" && text !== "earliestFirst") throw badRequest(`invalid order: ${text}`)
  return text
}
