import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { beforeEach, expect, onTestFinished, test } from "vitest"
import { isBuilt } from "../../packages/cli/bin/built.js"

const cli = join(import.meta.dirname, "../../packages/cli")
let folder: string

/** A project of one source, whose command says from which of the two it runs. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "built-"))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const at = (path: string) => join(folder, "packages/cli", path)
  for (const name of ["bin", "dist", "src"]) mkdirSync(at(name), { recursive: true })
  cpSync(join(cli, "bin"), at("bin"), { recursive: true })
  writeFileSync(at("package.json"), '{"type":"module"}')
  writeFileSync(at("src/main.ts"), 'const from: string = "sources"\nconsole.log(from)\n')
  writeFileSync(at("dist/main.js"), 'console.log("dist")\n')
  writeFileSync(at("dist/sources.json"), JSON.stringify(["packages/cli/src/main.ts"]))
})

const command = () =>
  execFileSync(process.execPath, [join(folder, "packages/cli/bin/imgmigrator.js")], {
    encoding: "utf8",
  }).trim()

test("the command runs as it was built", () => {
  expect(command()).toBe("dist")
})

test("where a source is newer than what was built, the command runs from the sources", () => {
  const soon = new Date(Date.now() + 60_000)
  utimesSync(join(folder, "packages/cli/src/main.ts"), soon, soon)
  expect(command()).toBe("sources")
})

test.each([
  ["nothing was built", (dist: string) => rmSync(dist, { recursive: true })],
  [
    "a source is gone since",
    (dist: string) => writeFileSync(join(dist, "sources.json"), '["packages/gone.ts"]'),
  ],
  ["the record was cut off", (dist: string) => writeFileSync(join(dist, "sources.json"), '["packa')],
])("where %s, the command runs from the sources", (_, damage) => {
  damage(join(folder, "packages/cli/dist"))
  expect(command()).toBe("sources")
})

test("the command that tests start was built from the sources as they are", () => {
  expect(isBuilt()).toBe(true)
})
