import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { deliveryFaults, publishFaults } from "../../packages/qstash-local/src/engine/faults.ts"

const readme = readFileSync("packages/qstash-local/README.md", "utf8")
const references = [...readme.matchAll(/([\w-]+): `([^`]+)`(?=;| \|)/g)].map(([, file, name]) => ({
  file,
  name,
}))

test("the table has its references", () => {
  expect(references.length).toBeGreaterThan(45)
})

test.for(references)("the test that the README names exists: $file, $name", ({ file, name }) => {
  expect(readFileSync(`test/qstash-local/${file}.test.ts`, "utf8")).toContain(`"${name}"`)
})

test.for([...deliveryFaults, ...publishFaults])("the README names the fault %s", (fault) => {
  expect(readme).toContain(`\`${fault}\``)
})
