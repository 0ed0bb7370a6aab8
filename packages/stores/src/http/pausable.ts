import type { Dispatcher } from "undici"
import type { Body } from "../store.ts"

/** A body that can also be copied to where its bytes are wanted, as they come. */
export type Source = Body & {
  /** Fills `target`, and gives how many bytes came: fewer only at the body's end. Rejects with what broke the body. */
  fill(target: Buffer): Promise<number>
}

/** A body waits in memory up to here before its socket is told to pause. */
const highWater = 512 * 1024

/**
 * What undici pushes as what a reader pulls; the socket pauses while the reader is behind. Who fills a buffer of his own
 * holds no chunk while he waits for the next: what lives longer than a moment is collected late, 64 KB a chunk.
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

  function shift(): Buffer | undefined {
    const chunk = waiting.shift()
    if (!chunk) return undefined
    size -= chunk.length
    if (controller.paused && size < highWater) controller.resume()
    return chunk
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
    while (own.at < target.length && waiting.length > 0) {
      const chunk = shift()
      const rest = chunk && pour(chunk, own)
      if (rest) keep(rest, "first")
    }
    filling = own
    while (own.at < target.length && !over)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    filling = undefined
    if (own.at < target.length && failure !== undefined) throw failure
    return own.at
  }

  function keep(chunk: Buffer, where: "first" | "last") {
    if (where === "first") waiting.unshift(chunk)
    else waiting.push(chunk)
    size += chunk.length
    if (size >= highWater) controller.pause()
  }

  async function next(): Promise<IteratorResult<Uint8Array, undefined>> {
    while (true) {
      const chunk = shift()
      if (chunk) return { done: false, value: chunk }
      if (failure !== undefined) throw failure
      if (over) return { done: true, value: undefined }
      await new Promise<void>((resolve) => {
        wake = resolve
      })
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
      if (rest) keep(rest, "last")
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
