import { chunker } from "@imgmigrator/core/chunker"
import { emptyPlan, lanesWorthWaking } from "@imgmigrator/core/lane"
import { brief, type Item, type Planned } from "@imgmigrator/core/outcome"
import { expect, test } from "vitest"
import { routes, worker } from "../../packages/functions/src/routes.ts"

const absent: Planned = { state: "absent" }
const skipped: Planned = { state: "decided", outcome: { outcome: "skipped", code: "skipped.etag" } }

/** How many of these go into one chunk. */
function fitting(item: Item): number {
  const chunk = chunker()
  let count = 0
  for (; !chunk.isFullFor(item) && count < 10_000; count++) chunk.add(item)
  return count
}

test("trap 22: a lane is worth waking for eight chunks, or for what is left when the plan is complete", () => {
  const plan = (chunks: number, complete: boolean) => ({ ...emptyPlan, chunks, complete })
  expect([1, 7, 8, 15, 16, 80].map((chunks) => lanesWorthWaking(plan(chunks, false), 0, 4))).toEqual([
    0, 0, 1, 1, 2, 4,
  ])
  expect([1, 8, 9].map((chunks) => lanesWorthWaking(plan(chunks, true), 0, 4))).toEqual([1, 1, 2])
  expect(lanesWorthWaking(plan(8, true), 8, 4)).toBe(0)
})

test("trap 24: a chunk is full at 200 images to copy, at 4,000 that need nothing, at 1 GiB, or at 256 KB of manifest", () => {
  expect(fitting({ key: "a.jpg", size: 1_000, planned: absent })).toBe(200)
  expect(fitting({ key: "a.jpg", size: 1_000, planned: skipped })).toBe(4_000)
  expect(fitting({ key: "a.mp4", size: 300 * 1024 ** 2, planned: absent })).toBe(3)
  expect(fitting({ key: "a.mp4", size: 5 * 1024 ** 3, planned: absent })).toBe(1)
  const address = `https://host/a.jpg?signature=${"s".repeat(9_000)}`
  const count = fitting({ key: "a.jpg", address, planned: absent })
  expect(count * address.length).toBeLessThan(256 * 1024)
  expect((count + 2) * address.length).toBeGreaterThan(256 * 1024)
})

test("trap 24: a message in the books is one line of 300 characters at most", () => {
  expect(brief(`${"long ".repeat(1_000)}\n`)).toHaveLength(300)
  expect(brief("two\r\nlines")).toBe("two lines")
})

test("trap 26: behind the gateway, which hangs up after 30 seconds, the same handler has a function of its own", () => {
  const seconds = (timeout: string) => Number.parseInt(timeout, 10)
  for (const { timeout } of routes) expect(seconds(timeout)).toBeLessThan(30)
  const door = routes.find(({ path }) => path === "/api/v1/webhooks/qstash")
  expect(door).toBeDefined()
  expect(door?.name).not.toBe(worker.name)
  // Its own time is that of a whole delivery and its end.
  expect(seconds(worker.timeout)).toBeGreaterThan(125)
  expect(worker.url).toBe(true)
})
