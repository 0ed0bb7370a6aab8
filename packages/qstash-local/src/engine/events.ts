import type { Answer, Message } from "./message.ts"

/** Source: Upstash docs, QStash > API > Logs. */
export type EventState =
  | "CREATED"
  | "ACTIVE"
  | "RETRY"
  | "ERROR"
  | "DELIVERED"
  | "FAILED"
  | "CANCEL_REQUESTED"
  | "CANCELED"

export type Event = {
  readonly seq: number
  readonly time: number
  readonly state: EventState
  readonly message: Message
  readonly answer?: Answer
  readonly nextDeliveryTime?: number
}

export type EventLog = {
  add(
    time: number,
    state: EventState,
    message: Message,
    more?: Pick<Event, "answer" | "nextDeliveryTime">,
  ): void
  /** Newest first. */
  newestFirst(): Iterable<Event>
  /** Hears of every event from now on. */
  listen(hear: (event: Event) => void): () => void
}

/**
 * The log is kept in memory, the last 10,000 events and at most `maxBytes` of bodies.
 * Source: Upstash docs, QStash > How To > Debug Logs, for the number.
 */
export function createEventLog(capacity = 10_000, maxBytes = 64 * 1024 * 1024): EventLog {
  let events: (Event | undefined)[] = []
  let start = 0
  let bytes = 0
  let seq = 0
  const listeners = new Set<(event: Event) => void>()

  /** A body counts with each of its events: too much, never too little. */
  const weight = ({ message, answer }: Event) => message.body.length + (answer?.body.length ?? 0)

  function forget() {
    while (events.length - start > capacity || (bytes > maxBytes && events.length - start > 1)) {
      const oldest = events[start]
      if (oldest) bytes -= weight(oldest)
      events[start] = undefined
      start += 1
    }
    if (start > capacity) {
      events = events.slice(start)
      start = 0
    }
  }

  return {
    add(time, state, message, more) {
      const event: Event = { seq: seq++, time, state, message, ...more }
      events.push(event)
      bytes += weight(event)
      forget()
      for (const hear of listeners) hear(event)
    },
    *newestFirst() {
      for (let at = events.length - 1; at >= start; at--) {
        const event = events[at]
        if (event) yield event
      }
    },
    listen(hear) {
      listeners.add(hear)
      return () => listeners.delete(hear)
    },
  }
}
