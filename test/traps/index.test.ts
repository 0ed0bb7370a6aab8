import { globSync, readFileSync } from "node:fs"
import { expect, test } from "vitest"

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")
const traps = Array.from({ length: 32 }, (_, i) => i + 1)

/** The text of every file of tests, by its path. */
const files = new Map(
  globSync("test/**/*.test.ts", { cwd: new URL("../..", import.meta.url) })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path !== "test/traps/index.test.ts")
    .map((path) => [path, read(path)] as const),
)
/** Those with tests of that name: `trap 7: …`. */
const withTests = (trap: number) =>
  [...files].filter(([, text]) => text.match(`["\`]trap ${trap}:`)).map(([path]) => path)

/** The list in the ledger's own text, by number. */
const section = read("docs/ledger.md").split("## 4. Traps")[1] ?? ""
const entries = new Map(
  section.split(/^(?=\d+\. )/m).map((entry) => [Number.parseInt(entry, 10), entry] as const),
)

test("the ledger names each trap with its rule, and the tests that hold it", () => {
  expect([...entries.keys()].filter(Number.isInteger)).toEqual(traps)
  for (const trap of traps) {
    const entry = entries.get(trap) ?? ""
    expect(entry, `trap ${trap}`).toMatch(/\*Rule:\*/)
    const named = [...entry.matchAll(/`(test\/[\w/.-]+)`/g)].map(([, path]) => path)
    expect(named.toSorted(), `trap ${trap}`).toEqual(withTests(trap).toSorted())
  }
})

test("no trap is without a test", () => {
  expect(traps.filter((trap) => withTests(trap).length === 0)).toEqual([])
})
