import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { beforeAll, expect, test } from "vitest"
import { root } from "../../infra/scripts/platform.ts"
import { evaluated, production } from "./support/stages.ts"
import { renderTypes } from "./support/types.ts"

beforeAll(...evaluated)

// After a change of infra/: node test/infra/support/types.ts
test("sst-env.d.ts is what a deployment would write", async () => {
  expect(await readFile(join(root, "sst-env.d.ts"), "utf8")).toBe(renderTypes(await production()))
})
