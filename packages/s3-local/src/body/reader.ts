import { type Refusal, refusal } from "../errors.ts"

/** Pulls lines and runs of bytes out of a stream. Never holds more than one piece of it and one line. */
export type Reader = {
  /** The next line without its CRLF, at most `limit` bytes; throws what `refuse` makes. */
  line(limit: number, refuse: () => Refusal): Promise<string>
  /** Between 1 and `limit` bytes; throws IncompleteBody at the end of the stream. */
  some(limit: number): Promise<Buffer>
  /** Is there nothing left? */
  ended(): Promise<boolean>
  /** Stops reading and frees the source. */
  close(): Promise<void>
}

export function readerOf(source: AsyncIterable<Buffer>): Reader {
  const iterator = source[Symbol.asyncIterator]()
  let rest: Buffer = Buffer.alloc(0)
  const more = async () => {
    const next = await iterator.next()
    if (next.done) return false
    rest = rest.length === 0 ? next.value : Buffer.concat([rest, next.value])
    return true
  }
  return {
    async line(limit, refuse) {
      for (;;) {
        const at = rest.indexOf("\r\n")
        if (at > limit || (at < 0 && rest.length > limit + 1)) throw refuse()
        if (at >= 0) {
          const text = rest.toString("latin1", 0, at)
          rest = rest.subarray(at + 2)
          return text
        }
        if (!(await more())) throw refusal("IncompleteBody")
      }
    },
    async some(limit) {
      while (rest.length === 0) if (!(await more())) throw refusal("IncompleteBody")
      const piece = rest.subarray(0, limit)
      rest = rest.subarray(piece.length)
      return piece
    },
    async ended() {
      while (rest.length === 0) if (!(await more())) return true
      return false
    },
    async close() {
      await iterator.return?.()
    },
  }
}
