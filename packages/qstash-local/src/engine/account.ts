import type { Courier } from "../delivery/courier.ts"
import type { State } from "../state/state.ts"
import type { Clock } from "../time/clock.ts"
import type { Heap } from "../time/heap.ts"
import type { Burst } from "./burst.ts"
import type { Counters } from "./counters.ts"
import type { Dispatcher } from "./dispatcher.ts"
import type { DlqPosition } from "./dlq.ts"
import type { EventLog } from "./events.ts"
import type { createFaults } from "./faults.ts"
import type { Flows } from "./flow.ts"
import type { Message } from "./message.ts"
import type { Plan } from "./plans.ts"
import type { Activity } from "./quiet.ts"
import type { Schedules } from "./schedules.ts"

/** All that one server knows and does; the API's functions get it as their first argument. */
export type Account = {
  readonly clock: Clock
  readonly plan: Plan
  readonly token: string
  /** `tracked` as since September 2026: one call cancels all; `counted` as before: `count` at a time. */
  readonly bulkCancel: "tracked" | "counted"
  readonly state: State
  readonly events: EventLog
  readonly faults: ReturnType<typeof createFaults>
  readonly flows: Flows
  readonly courier: Courier
  readonly dispatcher: Dispatcher
  readonly schedules: Schedules
  readonly activity: Activity
  readonly counters: Counters
  readonly burst: Burst
  /** Ids of dead letters are not used again, whatever became of their letters. */
  lastLetter: DlqPosition
  /** Messages that a fault lets the next one overtake. */
  readonly overtaken: Message[]
  /** Deduplication keys; the next to expire comes first. */
  readonly promises: Heap<{ readonly key: string; readonly until: number }>
}
