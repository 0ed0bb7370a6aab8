import { Fault } from "@imgmigrator/core/fault"
import type { Body } from "../store.ts"
import { transportFault } from "./faults.ts"

/** A body that says in a Fault what broke it, and that ends with exactly `expected` bytes. */
export function translated(body: Body, expected: number | undefined, what: string): Body {
  const iterator = body[Symbol.asyncIterator]()
  let size = 0
  return {
    destroy: (error) => body.destroy(error),
    [Symbol.asyncIterator]: () => ({
      async next() {
        try {
          const result = await iterator.next()
          if (!result.done) size += result.value.length
          if (!result.done || expected === undefined || size === expected) return result
        } catch (error) {
          throw transportFault(error, "source.interrupted", what)
        }
        throw new Fault(
          "unavailable",
          "source.interrupted",
          `${what} ended after ${size} of ${expected} bytes.`,
        )
      },
      async return() {
        await iterator.return?.()
        return { done: true, value: undefined }
      },
    }),
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
