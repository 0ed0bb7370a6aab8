import type { Dispatcher } from "undici"
import { giveBack, lend } from "../buffers.ts"
import type { Body } from "../store.ts"

/** A body that can also be copied to where its bytes are wanted, as they come. */
export type Source = Body & {
  /** Fills `target`, and gives how many bytes came: fewer only at the body's end. Rejects with what broke the body. */
  fill(target: Buffer): Promise<number>
}

/** A body waits in memory up to here before its socket is told to pause. */
const highWater = 512 * 1024

/** A chunk's memory is used for the next read: one that has to wait is copied. */
const kept = (chunk: Buffer): Buffer => {
  const copy = lend(chunk.length)
  copy.set(chunk)
  return copy
}

/**
 * What undici pushes as what a reader pulls; the socket pauses while the reader is behind. Who fills a buffer of his own
 * has the bytes copied there as they come.
 */
export function pausableBody(
  controller: Dispatcher.DispatchController,
): Source & { push(chunk: Buffer): void; end(error?: unknown): void } {
  let waiting: Buffer[] = []
  let size = 0
  let over = false
  let failure: unknown
  let wake = () => {}
  let filling: { readonly target: Buffer; at: number } | undefined

  function given(bytes: number) {
    size -= bytes
    if (controller.paused && size < highWater) controller.resume()
  }

  /** What of the chunk is left over once the target is full. */
  function pour(chunk: Buffer, into: { readonly target: Buffer; at: number }): Buffer | undefined {
    const room = into.target.length - into.at
    const piece = chunk.length > room ? chunk.subarray(0, room) : chunk
    into.target.set(piece, into.at)
    into.at += piece.length
    return chunk.length > room ? chunk.subarray(room) : undefined
  }

  async function fill(target: Buffer): Promise<number> {
    const own = { target, at: 0 }
    while (own.at < target.length) {
      const chunk = waiting.shift()
      if (!chunk) break
      const rest = pour(chunk, own)
      if (rest) waiting.unshift(rest)
      else giveBack(chunk)
      given(chunk.length - (rest?.length ?? 0))
    }
    filling = own
    while (own.at < target.length && !over) await news()
    filling = undefined
    if (own.at < target.length && failure !== undefined) throw failure
    return own.at
  }

  const news = () =>
    new Promise<void>((resolve) => {
      wake = resolve
    })

  async function next(): Promise<IteratorResult<Uint8Array, undefined>> {
    while (true) {
      const chunk = waiting.shift()
      if (chunk) {
        given(chunk.length)
        return { done: false, value: chunk }
      }
      if (failure !== undefined) throw failure
      if (over) return { done: true, value: undefined }
      await news()
    }
  }

  function destroy(error = new Error("This body was destroyed.")) {
    waiting = []
    if (over) return
    controller.abort(error)
  }

  return {
    fill,
    push(chunk: Buffer) {
      const rest = filling ? pour(chunk, filling) : chunk
      if (rest) waiting.push(kept(rest))
      size += rest?.length ?? 0
      if (size >= highWater) controller.pause()
      if (!filling || filling.at === filling.target.length) wake()
    },
    end(error?: unknown) {
      over = true
      failure = error
      wake()
    },
    destroy,
    [Symbol.asyncIterator]: () => ({
      next,
      async return() {
        destroy()
        return { done: true as const, value: undefined }
      },
    }),
  }
}
