import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Mutation, mutations } from "./mutations.ts"
import { copyOf } from "./workspace.ts"

/*
 * `npm run test:mutations [pattern of names]`: breaks a copy of the tree on purpose, one rule at a time, and shows that a
 * test says so. Fails where a bug is not caught, where the code that it would break is no longer there, or where its
 * test does not pass without it.
 */
const root = join(import.meta.dirname, "../..")
const wanted = new RegExp(process.argv.slice(2).join(" "))
const chosen = mutations.filter(({ name }) => wanted.test(name))
const copy = copyOf(root)
process.on("exit", copy.remove)
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1))

type Verdict = { readonly mutation: Mutation; readonly verdict: string; readonly isGood: boolean }
const verdicts: Verdict[] = []
const sound = new Map<string, boolean>()
for (const mutation of chosen) {
  const judged = judge(mutation)
  verdicts.push({ mutation, ...judged })
  console.log(`${judged.isGood ? "ok " : "BAD"}  ${mutation.name.padEnd(44)} ${judged.verdict}`)
}
const caught = verdicts.filter(({ isGood }) => isGood).length
console.log(`\nplanted bugs: ${verdicts.length} · caught: ${caught} · missed: ${verdicts.length - caught}`)
process.exitCode = verdicts.length > 0 && caught === verdicts.length ? 0 : 1

function judge(mutation: Mutation): Omit<Verdict, "mutation"> {
  const test = JSON.stringify(mutation.test)
  if (!sound.has(test)) sound.set(test, vitest(mutation).failed === undefined)
  if (!sound.get(test)) return { isGood: false, verdict: `its test fails without it: ${mutation.test.name}` }
  const before = new Map(
    mutation.edits.map(({ file }) => [file, readFileSync(join(copy.root, file), "utf8")]),
  )
  try {
    for (const { file, find, replace } of mutation.edits) {
      const text = readFileSync(join(copy.root, file), "utf8")
      if (text.split(find).length !== 2)
        return { isGood: false, verdict: `what it breaks is not once in ${file}: ${find.trim()}` }
      writeFileSync(
        join(copy.root, file),
        text.replace(find, () => replace),
      )
    }
    const { failed } = vitest(mutation)
    return failed ? { isGood: true, verdict: `caught: ${failed}` } : { isGood: false, verdict: "NOT CAUGHT" }
  } finally {
    for (const [file, text] of before) writeFileSync(join(copy.root, file), text)
  }
}

/** Runs the mutation's test in the copy; `failed` is the first line of what the test said, not what kept it from running. */
function vitest({ test }: Mutation): { readonly failed: string | undefined } {
  const told = join(copy.root, "told.json")
  const args = ["run", test.file, "-t", test.name, "--bail=1", "--reporter=json", `--outputFile=${told}`]
  rmSync(told, { force: true })
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, "node_modules/vitest/vitest.mjs"), ...args],
    {
      cwd: copy.root,
      env: { ...process.env, ...test.env },
      encoding: "utf8",
      maxBuffer: 256 * 1024 * 1024,
    },
  )
  if (!existsSync(told)) throw new Error(`vitest did not run ${test.file}:\n${stdout}\n${stderr}`)
  type Result = { readonly status: string; readonly failureMessages: readonly string[] }
  type Report = { readonly testResults: { readonly assertionResults: Result[]; readonly message: string }[] }
  const { testResults }: Report = JSON.parse(readFileSync(told, "utf8"))
  const results = testResults.flatMap(({ assertionResults }) => assertionResults)
  if (!results.some(({ status }) => status === "passed" || status === "failed"))
    throw new Error(`no test of ${test.file} is called ${test.name}: ${testResults[0]?.message}`)
  const [failure] = results.filter(({ status }) => status === "failed")
  return { failed: failure && gist(failure.failureMessages.join("\n")) }
}

/** What was expected, in a line. */
function gist(message: string): string {
  const [first = "", ...rest] = message.split("\n").map((line) => line.trim())
  const said = rest.find((line) => /^[-+] +"/.test(line)) ?? first
  return said.replace(/^(?:[-+] +"|AssertionError: |Error: )/, "").slice(0, 160)
}
