import { createFifo, type Fifo } from "../state/fifo.ts"
import type { Table } from "../state/table.ts"
import type { Clock } from "../time/clock.ts"
import type { FlowConfig, Message } from "./message.ts"

/** What is kept of a flow control key. A pinned part overrides what messages ask for. */
export type FlowState = {
  readonly key: string
  readonly config: FlowConfig
  readonly pinned?: { readonly parallelism?: number; readonly rate?: number; readonly periodMs?: number }
  readonly paused: boolean
}

/** Messages that wait for the same key, or for none: first in, first out. */
export type Lane = {
  readonly key?: string
  readonly waiting: Fifo<Message>
  flying: number
  windowStart: number
  windowCount: number
  /** Stands among those that may launch. */
  open: boolean
  /** Calls off the wake-up at the end of the window. */
  alarm?: () => void
}

export type Flows = {
  lane(message: Message): Lane
  lanes(): Iterable<Lane>
  byKey(key: string): Lane | undefined
  /** May the first one go? Or not before when (ms)? Or only when something else changes (undefined)? */
  gate(lane: Lane): "go" | number | undefined
  launched(lane: Lane): void
  landed(lane: Lane): void
  /** Takes note of what a message asks for; the latest wins. */
  configure(key: string, config: FlowConfig): void
  limits(key: string): FlowConfig
}

const noLimits: FlowConfig = { periodMs: 1000 }

export function createFlows(clock: Clock, states: Table<FlowState>): Flows {
  const keyed = new Map<string, Lane>()
  const unkeyed = createLane()

  function limits(key: string): FlowConfig {
    const state = states.get(key)
    return state ? { ...state.config, ...state.pinned } : noLimits
  }

  function lane({ flowKey }: Message): Lane {
    if (flowKey === undefined) return unkeyed
    let own = keyed.get(flowKey)
    if (!own) {
      own = createLane(flowKey)
      keyed.set(flowKey, own)
    }
    return own
  }

  function gate(lane: Lane) {
    if (lane.waiting.size === 0) return undefined
    if (lane.key === undefined) return "go"
    if (states.get(lane.key)?.paused) return undefined
    const { parallelism, rate, periodMs } = limits(lane.key)
    if (parallelism !== undefined && lane.flying >= parallelism) return undefined
    const windowEnd = lane.windowStart + periodMs
    if (rate !== undefined && lane.windowCount >= rate && clock.now() < windowEnd) return windowEnd
    return "go"
  }

  function launched(lane: Lane) {
    lane.flying += 1
    if (lane.key === undefined) return
    const now = clock.now()
    // The window begins with its first call. Source: Upstash docs, QStash > Features > Flow Control.
    if (now >= lane.windowStart + limits(lane.key).periodMs) {
      lane.windowStart = now
      lane.windowCount = 0
    }
    lane.windowCount += 1
  }

  return {
    lane,
    lanes: () => [unkeyed, ...keyed.values()],
    byKey: (key) => keyed.get(key),
    gate,
    launched,
    landed(lane) {
      lane.flying -= 1
    },
    configure(key, config) {
      const state = states.get(key)
      if (state && same(state.config, config)) return
      states.put(key, { key, paused: false, ...state, config })
    },
    limits,
  }
}

const same = (a: FlowConfig, b: FlowConfig) =>
  a.parallelism === b.parallelism && a.rate === b.rate && a.periodMs === b.periodMs

const createLane = (key?: string): Lane => ({
  ...(key !== undefined && { key }),
  waiting: createFifo<Message>(),
  flying: 0,
  windowStart: Number.NEGATIVE_INFINITY,
  windowCount: 0,
  open: false,
})
