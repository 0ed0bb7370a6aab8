import fc from "fast-check"
import { expect, test } from "vitest"
import { sortedKeys } from "../../packages/s3-local/src/store/sorted-keys.ts"

function walked(keys: ReturnType<typeof sortedKeys>, from: string): string[] {
  const found: string[] = []
  const walker = keys.walk(from)
  for (let key = walker.current(); key !== undefined; key = walker.current()) {
    found.push(key)
    walker.next()
  }
  return found
}

test("5,000 keys added and deleted in any order are walked in order, from any place", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.nat(9999), (step, from) => {
      const keys = sortedKeys()
      const model = new Set<string>()
      for (let at = 0; at < 5000; at++) {
        const key = String((at * (2 * step + 1)) % 10_000).padStart(4, "0")
        keys.add(key)
        model.add(key)
        if (at % 3 === 0) keys.delete(String(at).padStart(4, "0"))
        if (at % 3 === 0) model.delete(String(at).padStart(4, "0"))
      }
      const start = String(from).padStart(4, "0")
      expect(walked(keys, start)).toEqual([...model].sort().filter((key) => key >= start))
      for (const key of model) keys.delete(key)
      expect(walked(keys, "")).toEqual([])
    }),
    { numRuns: 20 },
  )
})

test("a walker can be moved on, also behind the last key", () => {
  const keys = sortedKeys()
  for (let at = 0; at < 2000; at++) keys.add(String(at).padStart(4, "0"))
  const walker = keys.walk("0")
  walker.seek("1500a")
  expect(walker.current()).toBe("1501")
  walker.seek("9")
  expect(walker.current()).toBeUndefined()
  expect(sortedKeys().walk("").current()).toBeUndefined()
})
