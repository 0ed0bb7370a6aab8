import { globSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"

const root = fileURLToPath(new URL("../..", import.meta.url))
const page = readFileSync(`${root}/docs/problems.md`, "utf8")
const documented = new Set([...page.matchAll(/`([a-z_]+(?:\.[a-z0-9_]+)+)`/g)].map(([, code = ""]) => code))

const nouns =
  "address|api|auth|cli|delivery|destination|dispatch|dry_run|dynamodb|handler|idempotency|key|listing|manifest|migration|request|serve|settings|skipped|source|state|store|upload|user|worker"
const sources = globSync("packages/{core,stores,functions,local,cli}/src/**/*.ts", { cwd: root })
  .map((path) => readFileSync(`${root}/${path}`, "utf8"))
  .join("\n")
const used = new Set(
  [...sources.matchAll(new RegExp(`"((?:${nouns})(?:\\.[a-z0-9_]+)+)"`, "g"))].map(([, code = ""]) => code),
)

test("every code in the sources is on the page of problems", () => {
  expect([...used].filter((code) => !documented.has(code))).toEqual([])
})

test("every code on the page is one that the sources can make", () => {
  // Some are put together: the side or the store, and what happened.
  const made = (code: string) => used.has(code) || sources.includes(`"${code.split(".").at(-1)}"`)
  expect([...documented].filter((code) => !made(code) && !/\.(json|md|ts)$/.test(code))).toEqual([])
})
