import { globSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseEnv } from "node:util"
import { expect, test } from "vitest"
import { storeCredentials } from "../../packages/functions/src/store-settings.ts"
import { setEnvironment } from "./support/environment.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))
const example = readFileSync(`${root}.env.example`, "utf8")
const named = new Set([...example.matchAll(/^(?:# )?([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => String(name)))

/** What the code reads, AWS's own settings and what only our processes tell each other apart. */
const read = new Set(
  globSync(["packages/functions/src/**/*.ts", "infra/settings.ts"], { cwd: root })
    .flatMap((file) => [
      ...readFileSync(`${root}${file}`, "utf8").matchAll(
        /(?:\bsetting\("|\bisOn\("|process\.env\.|^ {2}(?=[A-Z_]+: (?:list|optional)\())([A-Z][A-Z0-9_]+)/gm,
      ),
    ])
    .map(([, name]) => String(name))
    .filter((name) => !/^(AWS|POWERTOOLS|SST)_/.test(name) && name !== "IMGMIGRATOR_DYNAMODB_DUMMY"),
)

test("every setting that is read is in .env.example", () => {
  expect(read.size).toBeGreaterThan(10)
  expect([...read].filter((name) => !named.has(name))).toEqual([])
})

test("every setting in .env.example is read", () => {
  expect([...named].filter((name) => !read.has(name))).toEqual([])
})

test("what the file sets as it stands are the three secrets of QStash, empty", () => {
  expect(parseEnv(example)).toEqual({
    QSTASH_TOKEN: "",
    QSTASH_CURRENT_SIGNING_KEY: "",
    QSTASH_NEXT_SIGNING_KEY: "",
  })
})

test("the example of store credentials is one that is accepted", () => {
  const { STORE_CREDENTIALS } = parseEnv(example.replace("# STORE_CREDENTIALS=", "STORE_CREDENTIALS="))
  setEnvironment({ STORE_CREDENTIALS })
  expect([...storeCredentials().keys()]).toEqual(["r2"])
})
