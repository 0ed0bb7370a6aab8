import type { Dispatcher } from "undici"
import type { Body } from "../store.ts"

/** A body waits in memory up to here before its socket is told to pause. */
const highWater = 512 * 1024

/** What undici pushes as what a reader pulls; the socket pauses while the reader is behind. */
export function pausableBody(
  controller: Dispatcher.DispatchController,
): Body & { push(chunk: Buffer): void; end(error?: unknown): void } {
  let waiting: Buffer[] = []
  let size = 0
  let over = false
  let failure: unknown
  let wake = () => {}

  async function next(): Promise<IteratorResult<Uint8Array, undefined>> {
    while (true) {
      const chunk = waiting.shift()
      if (chunk) {
        size -= chunk.length
        if (controller.paused && size < highWater) controller.resume()
        return { done: false, value: chunk }
      }
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
    push(chunk: Buffer) {
      waiting.push(chunk)
      size += chunk.length
      if (size >= highWater) controller.pause()
      wake()
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
