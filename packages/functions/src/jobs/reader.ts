import { giveBack, lend, type Opened } from "@imgmigrator/stores"

/** Gives the next `size` bytes of a body; fewer only at its end. */
export type Reader = (size: number) => Promise<Buffer>

/**
 * A body in pieces of the reader's own size. Each is a lent Buffer, to be given back once it was written: what V8 would
 * have to collect it collects too late to keep a worker small. `start`: where in the object the body begins.
 */
export function readerOf({ body, facts, readInto }: Opened, start = 0): Reader {
  const { size: end } = facts
  if (!readInto || end === undefined) return copying(body[Symbol.asyncIterator]())
  let at = start
  return async (size) => {
    const bytes = lend(Math.min(size, end - at))
    await readInto(bytes)
    at += bytes.length
    return bytes
  }
}

function copying(chunks: AsyncIterator<Uint8Array>): Reader {
  let left: Uint8Array = new Uint8Array()
  return async (size) => {
    const bytes = lend(size)
    let length = 0
    while (length < size) {
      if (left.length === 0) {
        const next = await chunks.next()
        if (next.done) break
        left = next.value
      }
      const piece = left.subarray(0, size - length)
      bytes.set(piece, length)
      left = left.subarray(piece.length)
      length += piece.length
    }
    return bytes.subarray(0, length)
  }
}

/** What was read already and then the rest, in pieces that need not be as long as it. */
export function readingOn(before: Buffer, read: Reader): Reader {
  let left = before
  return async (size) => {
    const head = left.subarray(0, size)
    left = left.subarray(head.length)
    if (head.length === 0) return read(size)
    // The usual part: nothing to put together.
    if (head.length === size && head.length === before.length) return head
    const bytes = lend(size)
    bytes.set(head)
    if (head.length === size) return bytes
    const tail = await read(size - head.length)
    bytes.set(tail, head.length)
    giveBack(tail)
    return bytes.subarray(0, head.length + tail.length)
  }
}
