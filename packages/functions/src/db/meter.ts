import { AsyncLocalStorage } from "node:async_hooks"

export type Meter = { writes: number; reads: number; messages: number }
export const newMeter = (): Meter => ({ writes: 0, reads: 0, messages: 0 })

const meters = new AsyncLocalStorage<Meter>()

/** Run something and count the table's units and the messages that it takes, in `meter`. */
export const metered = <T>(meter: Meter, run: () => Promise<T>): Promise<T> => meters.run(meter, run)

const writes = /^(Put|Update|Delete|TransactWrite|BatchWrite)/

/** Book the units that DynamoDB says a call consumed. */
export function count(operation: string, units: number) {
  const meter = meters.getStore()
  if (!meter) return
  if (writes.test(operation)) meter.writes += units
  else meter.reads += units
}

export function countMessage() {
  const meter = meters.getStore()
  if (meter) meter.messages += 1
}
