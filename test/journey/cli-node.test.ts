import { execFileSync } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { delimiter, join } from "node:path"
import { expect, test, vi } from "vitest"
import { expectGone, expectSame, makeFiles, newRoot, ownerOf, run, start, within } from "./cli-run.ts"

vi.setConfig({ testTimeout: 240_000 })
const root = newRoot()
const at = (name: string) => join(root, name)

/** A Node on this machine that can't run TypeScript, as a user may have. */
const oldNode = (process.env.PATH ?? "")
  .split(delimiter)
  .filter((folder) => !folder.includes("node_modules"))
  .map((folder) => join(folder, "node"))
  .find((path) => existsSync(path) && isOld(execFileSync(path, ["--version"], { encoding: "utf8" })))

function isOld(version: string): boolean {
  const [major = 0, minor = 0] = version.slice(1).split(".").map(Number)
  return major >= 18 && (major < 22 || (major === 22 && minor < 18))
}

test.skipIf(!oldNode)(
  "an older Node hands over to the installed one: output, exit codes and signals pass",
  async () => {
    makeFiles(at("photos"), 500, 100)
    expect(await run(["migrate", "photos"], root, oldNode)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("<destination> is missing"),
    })

    const args = ["migrate", "photos", "copy", "--workers", "1", "--lanes", "1", "--concurrency", "1"]
    const arrived = () => expect(readdirSync(at("copy"), { recursive: true }).length).toBeGreaterThan(20)
    const interrupted = start(args, root, oldNode)
    await within(arrived)
    const owner = await ownerOf(at(".imgmigrator"))
    interrupted.child.kill("SIGTERM")
    expect(await interrupted.ended).toMatchObject({
      code: 143,
      stderr: expect.stringContaining("Run the same command again"),
    })
    await expectGone(owner)

    const killed = start(args, root, oldNode)
    const next = await within(async () => {
      const found = await ownerOf(at(".imgmigrator"))
      expect(found.pid).not.toBe(owner.pid)
      return found
    })
    killed.child.kill("SIGKILL")
    await expectGone(next)
    expect(await run(args, root, oldNode)).toMatchObject({ code: 0 })
    expectSame(at("photos"), at("copy"))
  },
)
