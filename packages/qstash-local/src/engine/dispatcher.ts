import { createFifo } from "../state/fifo.ts"
import type { Table } from "../state/table.ts"
import type { Clock } from "../time/clock.ts"
import { createAlarms } from "./alarms.ts"
import type { Flows } from "./flow.ts"
import type { Lane } from "./lane.ts"
import type { Message } from "./message.ts"
import { createLines, type Queue } from "./queues.ts"
import type { Activity } from "./quiet.ts"

/** What comes after an attempt: it is over, or there is another at `message.notBefore`. */
export type Next = "over" | "again"

export type Dispatcher = {
  /** Takes a message on; it is launched when its time has come and its queue, its key and the account allow. */
  submit(message: Message): void
  /** Takes a message off again. False if it is in flight: then its attempt runs to its end. */
  withdraw(message: Message): boolean
  /** Lets a message that waits for its time go now. */
  hasten(message: Message): void
  /** Call after a queue or a flow control key has changed. */
  queueChanged(name: string): void
  flowChanged(key: string): void
  flying(): number
  stop(): void
}

type Setup = {
  readonly clock: Clock
  readonly globalParallelism: number
  readonly queues: Table<Queue>
  readonly flows: Flows
  readonly activity: Activity
  /** Makes one attempt; never throws. */
  readonly fly: (message: Message) => Promise<Next>
}

export function createDispatcher({
  clock,
  globalParallelism,
  queues,
  flows,
  activity,
  fly,
}: Setup): Dispatcher {
  const alarms = createAlarms(clock)
  const lines = createLines(queues)
  const open = createFifo<Lane>()
  const flying = new Set<Message>()
  let stopped = false

  function submit(message: Message) {
    if (message.holds) lines.hold(message.holds.queue, message.holds.source)
    // After a restart: a head that has failed before still blocks its queue.
    const begun = message.retried > 0 && message.queueName !== undefined
    if (begun && message.queueName) lines.hold(message.queueName, message.id)
    alarms.whenDue(message, begun ? stand : arrive)
  }

  function arrive(message: Message) {
    if (message.queueName === undefined) return stand(message)
    lines.line(message.queueName).waiting.push(message)
    admit(message.queueName)
  }

  function admit(queue: string) {
    for (let next = lines.admit(queue); next; next = lines.admit(queue)) stand(next)
  }

  function stand(message: Message) {
    const lane = flows.lane(message)
    lane.waiting.push(message)
    wake(lane)
  }

  function wake(lane: Lane) {
    if (!lane.open) {
      lane.open = true
      open.push(lane)
    }
    pump()
  }

  /** Lanes take turns, one launch each, so that no key starves another. */
  function pump() {
    while (!stopped && flying.size < globalParallelism) {
      const lane = open.shift()
      if (!lane) return
      lane.open = false
      const gate = flows.gate(lane)
      if (typeof gate === "number") wakeAt(lane, gate)
      if (gate !== "go") continue
      const message = lane.waiting.shift()
      if (!message) continue
      lane.open = true
      open.push(lane)
      void launch(message, lane)
    }
  }

  function wakeAt(lane: Lane, at: number) {
    if (lane.alarm) return
    lane.alarm = clock.schedule(at, () => {
      lane.alarm = undefined
      wake(lane)
    })
  }

  async function launch(message: Message, lane: Lane) {
    const done = activity.begin()
    flying.add(message)
    flows.launched(lane)
    const next = await fly(message)
    flying.delete(message)
    flows.landed(lane)
    if (next === "again") alarms.whenDue(message, stand)
    else leave(message)
    wake(lane)
    done()
  }

  function leave({ id, queueName, holds }: Message) {
    if (queueName !== undefined) {
      lines.release(queueName, id)
      admit(queueName)
    }
    if (holds) {
      lines.release(holds.queue, holds.source)
      admit(holds.queue)
    }
  }

  return {
    submit,
    withdraw(message) {
      if (flying.has(message)) return false
      const waited = alarms.callOff(message) || flows.lane(message).waiting.remove(message)
      if (message.queueName !== undefined && lines.line(message.queueName).waiting.remove(message))
        return true
      const hadPlace = message.queueName !== undefined && lines.line(message.queueName).active.has(message.id)
      if (waited && (hadPlace || message.holds)) leave(message)
      return true
    },
    hasten(message) {
      if (alarms.callOff(message)) stand(message)
    },
    queueChanged: admit,
    flowChanged(key) {
      const lane = flows.byKey(key)
      lane?.alarm?.()
      if (lane) lane.alarm = undefined
      if (lane) wake(lane)
    },
    flying: () => flying.size,
    stop() {
      stopped = true
      alarms.stop()
      for (const lane of flows.lanes()) lane.alarm?.()
    },
  }
}
