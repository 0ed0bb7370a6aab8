import type { Migration, Progress } from "@imgmigrator/core/migration"
import { expect, test } from "vitest"
import { progressBar, progressText, speedometer } from "../../packages/cli/src/show/bar.ts"
import { bytes, count, duration, plain } from "../../packages/cli/src/show/format.ts"
import { outcomeText } from "../../packages/cli/src/show/outcome.ts"

const progress: Progress = {
  migration_id: "mig_1",
  status: "running",
  planned: true,
  total: 10_000,
  migrated: 4_000,
  skipped: 190,
  failed: 10,
  remaining: 5_800,
  bytes: 12_345_678,
  progress: 42,
  items_per_second: 1,
  cost: { messages: 1, write_units: 1, read_units: 1 },
}

test("numbers are written for people", () => {
  expect([0, 999, 1_000, 12_345_678, 5e12].map(bytes)).toEqual([
    "0 B",
    "999 B",
    "1.0 KB",
    "12.3 MB",
    "5.0 TB",
  ])
  expect([0, 17.4, 723, 11_045].map(duration)).toEqual(["0:00", "0:17", "12:03", "3:04:05"])
  expect(count(1_234_567)).toBe("1,234,567")
})

test("progress tells how much of what, how fast, and how long still", () => {
  expect(progressText(progress, { items: 350, bytes: 1_200_000 })).toBe(
    "42%  4,200 of 10,000  12.3 MB  350/s  1.2 MB/s  10 failed  0:17 left",
  )
})

test("before the plan is complete there is no end to promise", () => {
  const text = progressText({ ...progress, planned: false }, { items: 350, bytes: 0 })
  expect(text).toMatch(/^listing {2}4,200 of 10,000\+/)
  expect(text).not.toContain("left")
})

test("what a migration waits for is said", () => {
  const waiting = { reason: "The daily quota is used up\u001b[2J." }
  expect(progressText({ ...progress, waiting }, { items: 0, bytes: 0 })).toContain(
    "waiting: The daily quota is used up\ufffd[2J.",
  )
})

test("the bar fits its line at every width", () => {
  for (const width of [1, 10, 20, 40, 60, 80, 100, 200])
    expect(progressBar(progress, { items: 350, bytes: 1 }, width).length).toBeLessThan(Math.max(2, width))
  expect(progressBar(progress, { items: 0, bytes: 0 }, 100)).toMatch(/^\[█{13}░{17}\] 42%/)
})

test("speed is that of the last seconds, not of the whole", () => {
  const speed = speedometer(10_000)
  speed({ items: 0, bytes: 0 }, 0)
  expect(speed({ items: 100, bytes: 1_000 }, 1_000)).toEqual({ items: 100, bytes: 1_000 })
  expect(speed({ items: 100, bytes: 1_000 }, 30_000).items).toBeLessThan(4)
  expect(speed({ items: 100, bytes: 1_000 }, 60_000).items).toBe(0)
})

test("a name can't draw on the terminal", () => {
  expect(plain("a\u001b[2Jb\nc\u009bd")).toBe("a\ufffd[2Jb\ufffdc\ufffdd")
})

const migration: Migration = {
  id: "mig_1",
  user_id: "local",
  status: "completed",
  source: "file:/a",
  destination: "file:/b",
  options: { overwrite: "different", lanes: 4, concurrency: 16, include: [], exclude: [], dry_run: false },
  totals: {
    discovered: 12,
    migrated: 12,
    skipped: 0,
    failed: 0,
    remaining: 0,
    bytes_discovered: 1_500,
    bytes_migrated: 1_500,
  },
  created_at: "2026-11-01T00:00:00.000Z",
  started_at: "2026-11-01T00:00:00.000Z",
  completed_at: "2026-11-01T00:01:05.000Z",
}

test("the outcome is a sentence and a table", () => {
  expect(outcomeText(migration, [])).toBe(
    [
      "Completed in 1:05: 12 images moved and verified.",
      "",
      "  migrated        12  1.5 KB",
      "  skipped          0",
      "  failed           0",
      "  discovered      12  1.5 KB",
      "",
      "Image by image: imgmigrator report mig_1",
    ].join("\n"),
  )
})

test("failures come with their reasons, the first ones, and how to see the rest", () => {
  const totals = { ...migration.totals, migrated: 0, failed: 12 }
  const entry = {
    source: "x/y.jpg",
    destination: "x/y.jpg",
    outcome: "failed",
    code: "source.missing",
    message: "It is gone.",
  } as const
  const text = outcomeText({ ...migration, status: "completed_with_failures", totals }, [entry])
  expect(text).toContain("but 12 images could not be moved.")
  expect(text).toContain(
    "  x/y.jpg\n    source.missing: It is gone.\n  … and 11 more: imgmigrator report mig_1 --outcome failed",
  )
})

test.for([
  [
    "Everything was already there: 12 images, nothing to copy.",
    { totals: { ...migration.totals, migrated: 0, skipped: 12 } },
  ],
  [
    "The source is empty: there was nothing to move.",
    { totals: { ...migration.totals, migrated: 0, discovered: 0 } },
  ],
  ["Cancelled.", { status: "cancelled" }],
  [
    "Stopped: No such bucket.",
    { status: "failed", error: { code: "store.missing", message: "No such bucket." } },
  ],
  ["Dry run: 12 images looked at, none copied.", { options: { ...migration.options, dry_run: true } }],
] as const)("a migration is put into words: %s", ([sentence, changes]) => {
  expect(outcomeText({ ...migration, ...changes }, []).split("\n")[0]).toBe(sentence)
})
