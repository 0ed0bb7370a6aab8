/** A line of things that are served in order, and may leave it early. All in constant time. */
export type Fifo<T> = {
  push(item: T): void
  shift(): T | undefined
  remove(item: T): boolean
  readonly size: number
}

export function createFifo<T>(): Fifo<T> {
  let slots: (T | undefined)[] = []
  let head = 0
  const places = new Map<T, number>()
  /** Place of `slots[0]`, so that places stay valid when the front of the array is cut off. */
  let offset = 0

  function trim() {
    while (head < slots.length && slots[head] === undefined) head += 1
    if (head < 1024 || head * 2 < slots.length) return
    slots = slots.slice(head)
    offset += head
    head = 0
  }

  return {
    push(item) {
      places.set(item, offset + slots.length)
      slots.push(item)
    },
    shift() {
      const item = slots[head]
      if (item === undefined) return undefined
      slots[head] = undefined
      places.delete(item)
      trim()
      return item
    },
    remove(item) {
      const place = places.get(item)
      if (place === undefined) return false
      slots[place - offset] = undefined
      places.delete(item)
      trim()
      return true
    },
    get size() {
      return places.size
    },
  }
}
