import { pace } from "@imgmigrator/stores/s3/pace"
import { strides } from "@imgmigrator/stores/s3/stride"
import { expect, test } from "vitest"

/** A pacer with a clock of its own; `round` is one of so many pages that took so long. */
function timed() {
  let now = 0
  const pacer = pace(() => now)
  const round = (pages: number, ms: number, places = pages) => {
    pacer.begin()
    now += ms
    pacer.end(1000 * pages, pages, places)
    return pacer.width
  }
  return { pacer, round }
}

/** Past the first pages, which come one by one. */
function begun() {
  const timing = timed()
  for (let page = 0; page < 4; page++) timing.round(1, 100)
  return timing
}

test("a listing gets wider as long as that is faster", () => {
  const { pacer, round } = begun()
  expect(pacer.width).toBe(2)
  expect([round(2, 100), round(4, 100), round(8, 100), round(16, 100)]).toEqual([4, 8, 16, 16])
})

test("a listing goes back where wider is slower twice, and stays for a while", () => {
  const { round } = begun()
  expect(round(2, 100)).toBe(4)
  expect([round(4, 400), round(4, 400)]).toEqual([4, 2])
  expect([round(2, 100), round(2, 100)]).toEqual([2, 2])
})

test("a listing stays as wide as it is where that changed nothing, and goes on once it is faster", () => {
  const { round } = begun()
  expect(round(2, 100)).toBe(4)
  expect([round(4, 190), round(4, 190)]).toEqual([4, 4])
  expect(round(4, 100)).toBe(8)
})

test("pages whose keys could not be foreseen say nothing about the server", () => {
  const { round } = begun()
  expect([round(1, 100), round(1, 100), round(1, 100)]).toEqual([2, 2, 2])
  expect(round(2, 100)).toBe(4)
})

const folder = (keys: number) => (index: number) =>
  `DCIM/${100 + Math.floor(index / keys)}CANON/IMG_${String(1 + (index % keys)).padStart(4, "0")}.JPG`

for (const [keys, from] of [
  [9_000, 1],
  [1_500, 6],
  [1_000, 4],
] as const)
  test(`most pages of folders of ${keys} images are foreseen from page ${from} on`, () => {
    const { guess } = strides()
    const keyOf = folder(keys)
    let foreseen = 0
    for (let page = 0; page < 30; page++) {
      const entries = Array.from({ length: 1000 }, (_, index) => ({ key: keyOf(1000 * page + index) }))
      const [key = ""] = guess([entries], 1)
      // Of use is what begins within the next page, and brings more than it has.
      const isOfUse = key >= keyOf(1000 * page + 1300) && key < keyOf(1000 * page + 1999)
      if (page >= from && isOfUse) foreseen += 1
    }
    expect(foreseen).toBeGreaterThan(0.6 * (30 - from))
  })
