import "../model/sim/environment.ts"
import { compareKeys, mergeJoin } from "@imgmigrator/core/merge"
import { expect, test } from "vitest"
import { images, stage } from "./stage.ts"

/** In the order of their UTF-8 bytes, as S3 lists; JavaScript's own order has the last two the other way round. */
const names = ["a-1.jpg", "a.txt", "a/b.jpg", "é.jpg", "\u{ff5e}.jpg", "\u{1f600}.jpg"]

test("trap 6: keys are compared as their UTF-8 bytes, not as JavaScript compares", () => {
  expect(names.toReversed().sort(compareKeys)).toEqual(names)
  expect(names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))).toEqual(names)
  expect(names.toSorted()).not.toEqual(names)
})

test("trap 6: a merge finds every key that is on both sides, whatever its script", async () => {
  async function* pages(keys: readonly string[], length: number) {
    for (let i = 0; i < keys.length; i += length) yield keys.slice(i, i + length).map((key) => ({ key }))
  }
  const found: (string | undefined)[] = []
  for await (const page of mergeJoin(pages(names, 2), pages(names.slice(1), 5)))
    found.push(...page.map(({ destination }) => destination?.key))
  expect(found).toEqual([undefined, ...names.slice(1)])
})

test("trap 6: stores that do not list in order are not merged: each image is looked up", async () => {
  const keys = images("small", 14)
  const existing = keys.map((key) => ({ key, isSame: true }))
  const { work, rest, row, destinations } = await stage(keys, {}, { existing, isOrdered: false })
  work()
  await rest()
  expect(row().totals).toMatchObject({ migrated: 0, skipped: 14 })
  expect(destinations[0]?.history).toHaveLength(14)
})
