import { Fault } from "@imgmigrator/core/fault"
import type { Body, Opened } from "../store.ts"
import { transportFault } from "./faults.ts"
import type { Source } from "./pausable.ts"

/** A body that says in a Fault what broke it, and that ends with exactly `expected` bytes. */
export function translated(
  source: Source,
  expected: number | undefined,
  what: string,
): Pick<Opened, "body" | "readInto"> {
  const iterator = source[Symbol.asyncIterator]()
  let size = 0
  const fail = (error: unknown) => transportFault(error, "source.interrupted", what)
  const wrongLength = () =>
    new Fault("unavailable", "source.interrupted", `${what} ended after ${size} of ${expected} bytes.`)

  const body: Body = {
    destroy: (error) => source.destroy(error),
    [Symbol.asyncIterator]: () => ({
      async next() {
        try {
          const result = await iterator.next()
          if (!result.done) size += result.value.length
          if (!result.done || expected === undefined || size === expected) return result
        } catch (error) {
          throw fail(error)
        }
        throw wrongLength()
      },
      async return() {
        await iterator.return?.()
        return { done: true, value: undefined }
      },
    }),
  }
  if (expected === undefined) return { body }

  const filled = async (target: Buffer): Promise<boolean> => {
    const length = await source.fill(target).catch((error: unknown) => {
      throw fail(error)
    })
    size += length
    return length === target.length
  }
  return {
    body,
    readInto: async (target) => {
      const isWhole = await filled(target)
      // At its end nothing more may come.
      if (isWhole && (size < expected || !(await filled(Buffer.allocUnsafe(1))))) return
      source.destroy()
      throw wrongLength()
    },
  }
}

export const emptyBody: Body = { destroy: () => undefined, async *[Symbol.asyncIterator]() {} }

/** A body without its first `start` bytes. */
export function skipping(body: Body, start: number): Body {
  return {
    destroy: (error) => body.destroy(error),
    async *[Symbol.asyncIterator]() {
      let left = start
      for await (const chunk of body) {
        if (chunk.length > left) yield chunk.subarray(left)
        left = Math.max(0, left - chunk.length)
      }
    },
  }
}
