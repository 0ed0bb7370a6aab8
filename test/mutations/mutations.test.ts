import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { mutations } from "./mutations.ts"

test.for(mutations)("the code that a planted bug would break is there, once: $name", ({ edits }) => {
  for (const { file, find } of edits)
    expect(readFileSync(join(import.meta.dirname, "../..", file), "utf8").split(find)).toHaveLength(2)
})
