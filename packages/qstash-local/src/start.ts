import { stats } from "./api/looks.ts"
import { createCourier } from "./delivery/courier.ts"
import { devCredentials } from "./delivery/signature.ts"
import type { Account } from "./engine/account.ts"
import { createBurst } from "./engine/burst.ts"
import { createCounters } from "./engine/counters.ts"
import { createDispatcher } from "./engine/dispatcher.ts"
import { createEventLog } from "./engine/events.ts"
import { createFaults, type Faults } from "./engine/faults.ts"
import { createFlows } from "./engine/flow.ts"
import { fly } from "./engine/fly.ts"
import { plan as planOf, type Quota } from "./engine/plans.ts"
import { createActivity } from "./engine/quiet.ts"
import { runSchedule } from "./engine/run-schedule.ts"
import { createSchedules } from "./engine/schedules.ts"
import { listen } from "./http/server.ts"
import { openState } from "./state/state.ts"
import { type Clock, systemClock } from "./time/clock.ts"
import { createHeap } from "./time/heap.ts"
import { isVirtual } from "./time/virtual-clock.ts"

export type QStashOptions = {
  /** 8080 unless given; 0 takes any free port. */
  readonly port?: number
  /** A loopback address; 127.0.0.1 unless given. */
  readonly host?: string
  /** The machine's clock unless given. */
  readonly clock?: Clock
  /** A folder that makes it durable: a message accepted with 2xx survives even SIGKILL. */
  readonly stateDir?: string
  /** Whose limits apply; pay as you go unless given. */
  readonly quota?: Quota
  /** By host (with or without port): a URL to call instead of `http(s)://host`. */
  readonly resolve?: Readonly<Record<string, string>>
  /** The public development credentials unless given. */
  readonly token?: string
  readonly currentSigningKey?: string
  readonly nextSigningKey?: string
  /** `counted`: bulk cancels obey `count`, as before September 2026; `tracked` unless given. */
  readonly bulkCancel?: "tracked" | "counted"
  /** Gets one object for each event of a message. */
  readonly log?: (line: Readonly<Record<string, unknown>>) => void
}

export type QStash = {
  readonly url: string
  readonly port: number
  readonly token: string
  readonly currentSigningKey: string
  readonly nextSigningKey: string
  readonly clock: Clock
  readonly faults: Faults
  /** Resolves when nothing is in flight and nothing is due now; delayed messages may remain. */
  idle(): Promise<void>
  /** How many were published, delivered, failed, deduplicated …, and how many are pending and in flight. */
  stats(): Readonly<Record<string, number>>
  close(): Promise<void>
}

/** Starts a QStash on this machine. Rejects when the port or the state folder is in use. */
export async function startQStash(options: QStashOptions = {}): Promise<QStash> {
  const { host = "127.0.0.1", port = 8080, clock = systemClock(), token = devCredentials.token } = options
  const plan = planOf(options.quota ?? "payg")
  const state = await openState(options.stateDir)
  const current =
    options.currentSigningKey ?? state.keys.get("signing")?.current ?? devCredentials.currentSigningKey
  const next = options.nextSigningKey ?? state.keys.get("signing")?.next ?? devCredentials.nextSigningKey
  state.keys.put("signing", { current, next })

  const flows = createFlows(clock, state.flows)
  const activity = createActivity()
  const courier = createCourier({
    clock,
    resolve: options.resolve ?? {},
    maxResponseMs: plan.maxResponseMs,
    maxResponseBytes: plan.maxMessageBytes,
  })
  const account: Account = {
    clock,
    plan,
    token,
    state,
    flows,
    activity,
    courier,
    events: createEventLog(),
    faults: createFaults(),
    counters: createCounters(),
    lastLetter: [0, 0],
    overtaken: [],
    promises: createHeap((promise) => promise.until),
    burst: createBurst(clock, plan.requestsPerSecond),
    bulkCancel: options.bulkCancel ?? "tracked",
    schedules: createSchedules(clock, state.schedules, (schedule, at) => runSchedule(account, schedule, at)),
    dispatcher: createDispatcher({
      clock,
      flows,
      activity,
      globalParallelism: plan.globalParallelism,
      queues: state.queues,
      fly: (message) => fly(account, message),
    }),
  }
  for (const key of state.promised.keys())
    account.promises.push({ key, until: state.promised.get(key)?.until ?? 0 })
  if (options.log) listenTo(account, options.log)
  const { server, address } = await listen(account, host, port).catch(async (error: unknown) => {
    await state.close()
    throw error
  })
  const unwatch = isVirtual(clock) ? clock.watch(activity.quiet) : undefined
  for (const message of state.messages.values()) account.dispatcher.submit(message)
  for (const id of state.schedules.keys()) account.schedules.arm(id)

  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`,
    port: address.port,
    token,
    currentSigningKey: current,
    nextSigningKey: next,
    clock,
    faults: account.faults,
    idle: activity.idle,
    stats: () => stats(account),
    async close() {
      unwatch?.()
      account.dispatcher.stop()
      account.schedules.stop()
      courier.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await activity.idle()
      await state.close()
    },
  }
}

/** Events as log lines: what happened to which message, and what the receiver said. */
function listenTo({ events }: Account, log: NonNullable<QStashOptions["log"]>) {
  events.listen(({ time, state, message, answer, nextDeliveryTime }) =>
    log({
      time: new Date(time).toISOString(),
      event: state.toLowerCase(),
      messageId: message.id,
      url: message.url,
      retried: message.retried,
      ...(answer && (answer.error === undefined ? { status: answer.status } : { error: answer.error })),
      ...(nextDeliveryTime !== undefined && { next: new Date(nextDeliveryTime).toISOString() }),
    }),
  )
}
