import { createFifo, type Fifo } from "../state/fifo.ts"
import type { Table } from "../state/table.ts"
import type { Message } from "./message.ts"

export type Queue = {
  readonly name: string
  readonly parallelism: number
  readonly paused: boolean
  readonly createdAt: number
  readonly updatedAt: number
}

/** Messages of one queue, in order. */
export type Line = {
  readonly waiting: Fifo<Message>
  /** By source message: what is still under way of it, itself and its callbacks. */
  readonly active: Map<string, number>
}

export type Lines = {
  line(name: string): Line
  /** The next message that may begin now; it takes a place in the queue. */
  admit(name: string): Message | undefined
  hold(name: string, source: string): void
  release(name: string, source: string): void
}

/** In a queue the next message waits until the one before, with its retries and callbacks, is through. */
export function createLines(queues: Table<Queue>): Lines {
  const lines = new Map<string, Line>()

  function line(name: string): Line {
    let own = lines.get(name)
    if (!own) {
      own = { waiting: createFifo<Message>(), active: new Map() }
      lines.set(name, own)
    }
    return own
  }

  function hold(name: string, source: string) {
    const { active } = line(name)
    active.set(source, (active.get(source) ?? 0) + 1)
  }

  return {
    line,
    hold,
    admit(name) {
      const { waiting, active } = line(name)
      const queue = queues.get(name)
      if (queue?.paused || active.size >= (queue?.parallelism ?? 1)) return undefined
      const message = waiting.shift()
      if (message) hold(name, message.id)
      return message
    },
    release(name, source) {
      const { active } = line(name)
      const left = (active.get(source) ?? 0) - 1
      if (left > 0) active.set(source, left)
      else active.delete(source)
    },
  }
}
