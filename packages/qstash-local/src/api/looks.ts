import type { ServerResponse } from "node:http"
import type { Account } from "../engine/account.ts"
import type { Event } from "../engine/events.ts"
import type { Message } from "../engine/message.ts"
import { shownBody } from "../engine/redact.ts"
import type { Call, Reply } from "../http/exchange.ts"

// What the page looks at. Not QStash's.

const mostMessages = 100
const mostEvents = 5_000
const preview = 4096

type Attempt = {
  time: number
  status?: number
  error?: string
  headers?: unknown
  body?: string
  next?: number
}

/** `GET /local/messages`: the latest messages, each with its attempts and what was answered to them. */
export function latestMessages(account: Account): Reply {
  const found = new Map<Message, Event[]>()
  let seen = 0
  for (const event of account.events.newestFirst()) {
    if (seen++ > mostEvents) break
    const known = found.get(event.message)
    if (known) known.push(event)
    else if (found.size < mostMessages) found.set(event.message, [event])
  }
  // After a restart the log is empty, but not what is kept.
  for (const message of account.state.messages.values()) {
    if (found.size >= mostMessages) break
    if (!found.has(message)) found.set(message, [])
  }
  return { status: 200, body: [...found].map(([message, events]) => shape(account, message, events)) }
}

function shape({ state }: Account, message: Message, newestFirst: readonly Event[]) {
  const { queueName, flowKey, topicName, scheduleId, labels } = message
  const notes = {
    queue: queueName,
    key: flowKey,
    group: topicName,
    schedule: scheduleId,
    labels: labels.join(", ") || undefined,
  }
  return {
    messageId: message.id,
    state: newestFirst[0]?.state ?? "CREATED",
    isPending: state.messages.has(message.id),
    method: message.method,
    url: message.url,
    createdAt: message.createdAt,
    notes: Object.entries(notes).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name} ${value}`],
    ),
    body: shownBody(message.body, message.redaction).subarray(0, preview).toString("utf8"),
    attempts: attemptsOf([...newestFirst].reverse()),
  }
}

/** Each attempt begins with ACTIVE; what has an answer ends it. */
function attemptsOf(events: readonly Event[]): Attempt[] {
  const attempts: Attempt[] = []
  for (const { state, time, answer, nextDeliveryTime } of events) {
    if (state === "ACTIVE") attempts.push({ time })
    if (!answer) continue
    const begun = attempts.pop() ?? { time }
    attempts.push({
      ...begun,
      ...(answer.error === undefined
        ? { status: answer.status, headers: answer.headers }
        : { error: answer.error }),
      body: answer.body.subarray(0, preview).toString("utf8"),
      ...(nextDeliveryTime !== undefined && { next: nextDeliveryTime }),
    })
  }
  return attempts
}

/** `GET /local/stats` */
export const getStats = (account: Account): Reply => ({ status: 200, body: stats(account) })

/** Counts since the start, and what there is now. */
export const stats = ({ counters, state, dispatcher }: Account): Readonly<Record<string, number>> => ({
  ...counters.totals(),
  pending: state.messages.size,
  inFlight: dispatcher.flying(),
  deadLetters: state.letters.size,
})

const pauseMs = 250

/** `GET /local/changes`: server-sent events, one when something has changed, at most four a second. */
export function streamChanges(account: Account, _: Call): Reply {
  return { status: 200, stream: (response) => stream(account, response) }
}

function stream({ events }: Account, response: ServerResponse) {
  let timer: NodeJS.Timeout | undefined
  const deaf = events.listen(() => {
    timer ??= setTimeout(() => {
      timer = undefined
      response.write("data: changed\n\n")
    }, pauseMs)
  })
  response.once("close", () => {
    deaf()
    clearTimeout(timer)
  })
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" })
  response.write("retry: 1000\n\n")
}
