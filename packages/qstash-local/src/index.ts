export type {
  Armed,
  DeliveryFault,
  FaultKind,
  FaultSettings,
  FaultSubject,
  Faults,
  PublishFault,
} from "./engine/faults.ts"
export type { Quota } from "./engine/plans.ts"
export { type QStash, type QStashOptions, startQStash } from "./start.ts"
export { type Clock, systemClock } from "./time/clock.ts"
export { type Quiet, type VirtualClock, virtualClock } from "./time/virtual-clock.ts"
