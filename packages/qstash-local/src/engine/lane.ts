import { createFifo, type Fifo } from "../state/fifo.ts"
import type { Message } from "./message.ts"

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

export const createLane = (key?: string): Lane => ({
  ...(key !== undefined && { key }),
  waiting: createFifo<Message>(),
  flying: 0,
  windowStart: Number.NEGATIVE_INFINITY,
  windowCount: 0,
  open: false,
})
