import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { expect, test, vi } from "vitest"
import {
  contents,
  expectGone,
  expectSame,
  makeFiles,
  migrationOf,
  newRoot,
  ownerOf,
  type Running,
  run,
  start,
  within,
} from "./cli-run.ts"

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 }) // whole programs, on machines that may be busy
const root = newRoot()
const at = (...names: string[]) => join(root, ...names)
const total = 600
makeFiles(at("photos"), total, 1_000)

/** How many files are in a destination under their final names. */
const arrived = (folder: string) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith(".jpg")).length
    : 0

const moments: readonly (readonly [when: string, name: string, come: (name: string) => Promise<unknown>])[] =
  [
    ["its service answers", "b", (name) => ownerOf(at(`${name}.state`))],
    [
      "the first files have arrived",
      "c",
      (name) => within(() => expect(arrived(at(name))).toBeGreaterThan(0)),
    ],
    [
      "half of them have arrived",
      "d",
      (name) => within(() => expect(arrived(at(name))).toBeGreaterThan(total / 2)),
    ],
    ["all of them have arrived", "e", (name) => within(() => expect(arrived(at(name))).toBe(total))],
  ]
test.for(moments)(
  "killed when %s, the same command ends with the same result, and writes nothing twice",
  async ([, name, come]) => {
    const args = ["migrate", "photos", name, "--state", `${name}.state`, "--workers", "1", "--json"]
    const first = start(args, root)
    await come(name)
    first.child.kill("SIGKILL")
    await first.ended
    const before = existsSync(at(name)) ? contents(at(name)) : new Map()

    const second = await run(args, root)
    expect(second.code, second.stderr).toBe(0)
    expectSame(at("photos"), at(name))
    const { totals } = migrationOf(second)
    expect(totals).toMatchObject({ discovered: total, failed: 0, remaining: 0 })
    expect(totals.migrated + totals.skipped).toBe(total)
    const after = contents(at(name))
    const written = [...before].filter(
      ([path]) => path.endsWith(".jpg") && after.get(path)?.inode !== before.get(path)?.inode,
    )
    expect(written.map(([path]) => path)).toEqual([])
  },
)

const slow = ["--lanes", "1", "--concurrency", "1"]

test("Ctrl-C books what was done and ends everything; run again it goes on with the rest", async () => {
  const args = ["migrate", "photos", "f", "--state", "f.state", "--workers", "1", ...slow]
  const first = start(args, root)
  await within(() => expect(arrived(at("f"))).toBeGreaterThan(50))
  const owner = await ownerOf(at("f.state"))
  first.child.kill("SIGINT")
  const ended = await first.ended
  expect(ended).toMatchObject({ code: 130, signal: null, stdout: "" })
  expect(ended.stderr).toContain("Run the same command again to go on where it stopped.")
  await expectGone(owner)
  const done = arrived(at("f"))
  expect(done).toBeLessThan(total)

  const second = await run(args, root)
  expect(second.code, second.stderr).toBe(0)
  const [, booked = ""] = /Going on with mig_\w+: (\d+) of/.exec(second.stderr) ?? []
  // What had arrived was booked, but for what was in flight.
  expect(Number(booked)).toBeGreaterThanOrEqual(done - 1)
  expectSame(at("photos"), at("f"))
})

test("whoever is attached to a service that is killed takes over its work", async () => {
  const owning: Running = start(["migrate", "photos", "g1", "--state", "g.state", ...slow], root)
  const owner = await ownerOf(at("g.state"))
  const attached = start(["migrate", "photos", "g2", "--state", "g.state", ...slow, "--json"], root)
  await within(() => expect(arrived(at("g2"))).toBeGreaterThan(10))
  owning.child.kill("SIGKILL")
  await owning.ended
  const ended = await attached.ended
  expect(ended.code, ended.stderr).toBe(0)
  expect(ended.stderr).toContain("The service that did the work has ended; going on.")
  expectSame(at("photos"), at("g2"))
  await expectGone(owner)
})
