import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test, vi } from "vitest"
import { expectSame, makeFiles, migrationOf, newRoot, run } from "./cli-run.ts"

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 }) // whole programs, on machines that may be busy
const root = newRoot()
const at = (name: string) => join(root, name)
makeFiles(at("photos"), 60, 2_000)

test("a folder is moved to a folder: every byte and date, a table on stdout, exit code 0", async () => {
  const ended = await run(["migrate", "./photos", "./copy"], root)
  expect(ended, ended.stderr).toMatchObject({ code: 0 })
  expect(ended.stdout).toMatch(
    /^Completed in \d+:\d\d: 60 images moved and verified\.\n\n {2}migrated +60 +120\.0 KB\n/,
  )
  expect(ended.stdout + ended.stderr).not.toMatch(/"level"|published/)
  expectSame(at("photos"), at("copy"))
})

test("run again, everything is there already; --json prints the migration as the only line", async () => {
  const ended = await run(["migrate", "photos", "copy", "--workers", "1", "--json"], root)
  expect(ended.code, ended.stderr).toBe(0)
  const migration = migrationOf(ended)
  expect(migration).toMatchObject({
    status: "completed",
    source: `file:${at("photos")}`,
    destination: `file:${at("copy")}`,
    totals: { discovered: 60, migrated: 0, skipped: 60, failed: 0, remaining: 0, bytes_migrated: 0 },
  })
  expect(migration.cost.messages).toBeGreaterThanOrEqual(1)
  expect(migration.cost.write_units).toBeGreaterThan(0)
})

test("a migration that stopped goes on, as the same one, when its reason is gone", async () => {
  writeFileSync(at("blocked"), "a file where a folder should be")
  const stopped = await run(["migrate", "photos", "blocked", "--workers", "1", "--json"], root)
  expect(stopped.code, stopped.stderr).toBe(2)
  const { id, status, error } = migrationOf(stopped)
  expect({ status, error }).toMatchObject({
    status: "failed",
    error: { message: expect.stringContaining("blocked") },
  })
  rmSync(at("blocked"))
  const again = await run(["migrate", "photos", "blocked", "--workers", "1", "--json"], root)
  expect(again.code, again.stderr).toBe(0)
  expect(again.stderr).toContain(`Going on with ${id}`)
  expect(migrationOf(again)).toMatchObject({ id, status: "completed", totals: { migrated: 60 } })
  expectSame(at("photos"), at("blocked"))
})
