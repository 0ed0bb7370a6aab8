import type { Table } from "../state/table.ts"
import type { Clock } from "../time/clock.ts"
import { createLane, type Lane } from "./lane.ts"
import type { FlowConfig, Message } from "./message.ts"

/** What is kept of a flow control key. What is pinned is not changed by what messages ask for. */
export type FlowState = {
  readonly key: string
  readonly config: FlowConfig
  readonly pinnedParallelism: boolean
  readonly pinnedRate: boolean
  readonly paused: boolean
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
  /** Makes a key known that no message has used yet, and returns its state. */
  ensure(key: string): FlowState
  /** Ends the current period; the next one begins now. */
  resetRate(key: string): void
}

const keysAtEase = 10_000
const noLimits: FlowConfig = { periodMs: 1000 }

export function createFlows(clock: Clock, states: Table<FlowState>): Flows {
  const keyed = new Map<string, Lane>()
  const unkeyed = createLane()
  let forgetAt = keysAtEase

  const limits = (key: string): FlowConfig => states.get(key)?.config ?? noLimits

  function lane({ flowKey, flow }: Message): Lane {
    if (flowKey === undefined) return unkeyed
    if (flow && !states.has(flowKey)) configure(flowKey, flow)
    let own = keyed.get(flowKey)
    if (!own) {
      own = createLane(flowKey)
      keyed.set(flowKey, own)
    }
    return own
  }

  function ensure(key: string): FlowState {
    const known = states.get(key)
    if (known) return known
    if (states.size >= forgetAt) forgetIdle()
    const fresh = { key, config: noLimits, pinnedParallelism: false, pinnedRate: false, paused: false }
    states.put(key, fresh)
    return fresh
  }

  function configure(key: string, asked: FlowConfig) {
    const state = ensure(key)
    const config = {
      parallelism: state.pinnedParallelism ? state.config.parallelism : asked.parallelism,
      rate: state.pinnedRate ? state.config.rate : asked.rate,
      periodMs: state.pinnedRate ? state.config.periodMs : asked.periodMs,
    }
    if (!same(state.config, config)) states.put(key, { ...state, config })
  }

  /** Keys are unlimited, memory is not: those that nothing waits for and nobody has set are forgotten. */
  function forgetIdle() {
    const now = clock.now()
    for (const { key, config, paused, pinnedParallelism, pinnedRate } of states.values()) {
      const own = keyed.get(key)
      const busy = own && (own.flying > 0 || own.waiting.size > 0 || now < own.windowStart + config.periodMs)
      if (busy || paused || pinnedParallelism || pinnedRate) continue
      states.drop(key)
      keyed.delete(key)
    }
    forgetAt = Math.max(keysAtEase, states.size * 2)
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
    configure,
    limits,
    ensure,
    resetRate(key) {
      const own = keyed.get(key)
      if (!own) return
      own.windowStart = clock.now()
      own.windowCount = 0
    },
  }
}

const same = (a: FlowConfig, b: FlowConfig) =>
  a.parallelism === b.parallelism && a.rate === b.rate && a.periodMs === b.periodMs
