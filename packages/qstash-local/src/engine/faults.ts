import type { Message } from "./message.ts"

/** What can be made to go wrong with a delivery. */
export type DeliveryFault =
  /** Two identical calls, at the same time. */
  | "twice"
  /** Two identical calls, the second when the first has been answered. */
  | "again"
  /** The call is made, its answer is lost: a failed attempt. */
  | "lose-response"
  /** The attempt is made later, by `delayMs` (default 1 s). */
  | "delay"
  /** The message after it goes first; after `delayMs` (default 1 s) it goes anyway. */
  | "reorder"
  /** The message is never delivered, and nobody is told. */
  | "drop"

/** What can be made to go wrong with a publish (publish, enqueue, batch). */
export type PublishFault =
  | "publish-500"
  | "publish-429-daily"
  | "publish-429-burst"
  | "publish-412"
  /** Not accepted; the connection is cut. */
  | "publish-cut"
  /** Not accepted; no answer ever comes. */
  | "publish-hang"
  /** Accepted, but the connection is cut before the answer. */
  | "publish-lose-response"

export type FaultKind = DeliveryFault | PublishFault

/** What a predicate may look at: of a delivery the message, of a publish what it asks for. */
export type FaultSubject = Pick<Message, "url" | "method" | "headers" | "body" | "labels"> &
  Partial<Pick<Message, "id" | "retried" | "flowKey" | "queueName" | "topicName" | "scheduleId">>

export type FaultSettings = {
  /** How many times; 1 unless given, Infinity for ever. */
  readonly times?: number
  /** For which messages; all unless given. */
  readonly when?: (subject: FaultSubject) => boolean
  readonly delayMs?: number
}

export type Armed = { readonly kind: FaultKind; readonly left: number; readonly delayMs?: number }

export type Faults = {
  /** Switches a fault on for the next `times` that match. The returned function switches it off. */
  arm(kind: FaultKind, settings?: FaultSettings): () => void
  list(): readonly Armed[]
  clear(): void
}

export const deliveryFaults: readonly DeliveryFault[] = [
  "twice",
  "again",
  "lose-response",
  "delay",
  "reorder",
  "drop",
]

export const publishFaults: readonly PublishFault[] = [
  "publish-500",
  "publish-429-daily",
  "publish-429-burst",
  "publish-412",
  "publish-cut",
  "publish-hang",
  "publish-lose-response",
]

/** The switches, and beside them `take`: the fault that strikes this subject now, if any; it is then used up once. */
export function createFaults(): Faults & {
  take<Kind extends FaultKind>(
    kinds: readonly Kind[],
    subject: FaultSubject,
  ): { kind: Kind; delayMs: number } | undefined
} {
  type Switch = { kind: FaultKind; left: number; when: (subject: FaultSubject) => boolean; delayMs?: number }
  const armed = new Set<Switch>()

  return {
    arm(kind, { times = 1, when = () => true, delayMs } = {}) {
      const fault: Switch = { kind, left: times, when, delayMs }
      if (times > 0) armed.add(fault)
      return () => armed.delete(fault)
    },
    list: () =>
      [...armed].map(({ kind, left, delayMs }) => ({
        kind,
        left,
        ...(delayMs !== undefined && { delayMs }),
      })),
    clear: () => armed.clear(),
    take(kinds, subject) {
      for (const fault of armed) {
        const kind = kinds.find((each) => each === fault.kind)
        if (!kind || !fault.when(subject)) continue
        fault.left -= 1
        if (fault.left <= 0) armed.delete(fault)
        return { kind, delayMs: fault.delayMs ?? 1000 }
      }
      return undefined
    },
  }
}
