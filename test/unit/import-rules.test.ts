import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, expect, test } from "vitest"

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

const imports = (module: string) => `import * as x from "${module}"\nexport const y = x\n`

/** Each a file in a package, and what it must not hold. */
const breaches = [
  ["packages/core/src", imports("@aws-sdk/client-dynamodb")],
  ["packages/core/src", imports("node:crypto")],
  ["packages/core/src", imports("@imgmigrator/stores")],
  ["packages/core/src", imports("../../functions/src/routes.ts")],
  ["packages/core/src", imports("../../../test/support/harness.ts")],
  ["packages/core/src", "export const y = process.env.HOME\n"],
  ["packages/core/src", "export const y = Date.now()\n"],
  ["packages/core/src", "export const y = setTimeout(() => {}, 1)\n"],
  ["packages/core/src", "export const y = crypto.randomUUID()\n"],
  ["packages/stores/src/s3", imports("@imgmigrator/functions/routes")],
  ["packages/stores/src", imports("@aws-sdk/client-s3")],
  ["packages/stores/src", imports("../../functions/src/routes.ts")],
  ["packages/functions/src/api", imports("@imgmigrator/local")],
  ["packages/functions/src/api", imports("qstash-local")],
  ["packages/functions/src", imports("../../cli/src/main.ts")],
  ["packages/functions/src/jobs", imports("../../../../test/support/harness.ts")],
  ["packages/local/src", imports("imgmigrator")],
  ["packages/local/src", imports("s3-local")],
  ["packages/cli/src", imports("@aws-sdk/client-dynamodb")],
  ["packages/qstash-local/src", imports("@imgmigrator/core/fault")],
  ["packages/s3-local/src", imports("@aws-sdk/client-s3")],
  ["infra", imports("@imgmigrator/core/fault")],
] as const

const allowed = [
  ["packages/core/src", imports("./fault.ts")],
  ["packages/core/src", imports("zod")],
  ["packages/stores/src/s3", imports("@imgmigrator/core/fault")],
  ["packages/stores/src/s3", imports("../store.ts")],
  ["packages/functions/src/jobs", imports("@imgmigrator/stores")],
  ["packages/local/src", imports("@imgmigrator/functions/routes")],
  ["infra", imports("../packages/functions/src/routes.ts")],
] as const

const folder = mkdtempSync(join(tmpdir(), "import-rules-"))
afterAll(() => rmSync(folder, { recursive: true }))

const planted = [...breaches, ...allowed].map(([path, content], i) => ({
  path: `${path}/planted-${i}.ts`,
  content,
}))
let refused: ReadonlySet<string>

beforeAll(() => {
  const config = JSON.parse(readFileSync(at("biome.json"), "utf8"))
  writeFileSync(join(folder, "biome.json"), JSON.stringify({ ...config, vcs: { enabled: false } }))
  for (const { path, content } of planted) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  const biome = at("node_modules/@biomejs/biome/bin/biome")
  const only = ["noRestrictedImports", "noRestrictedGlobals"].map((rule) => `--only=style/${rule}`)
  const { stdout } = spawnSync(
    process.execPath,
    [biome, "lint", "--reporter=github", "--max-diagnostics=none", ...only, "."],
    {
      cwd: folder,
      encoding: "utf8",
    },
  )
  refused = new Set(
    [...stdout.matchAll(/file=([^,]+),/g)].map(([, file = ""]) => relative(realpathSync(folder), file)),
  )
})

test.for(breaches.map(([path, content], i) => [path, content.split("\n")[0] ?? "", i] as const))(
  "the linter refuses in %s: %s",
  ([path, , i]) => {
    expect(refused).toContain(`${path}/planted-${i}.ts`)
  },
)

test.for(
  allowed.map(([path, content], i) => [path, content.split("\n")[0] ?? "", breaches.length + i] as const),
)("the linter allows in %s: %s", ([path, , i]) => {
  expect(refused).not.toContain(`${path}/planted-${i}.ts`)
})
