import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { readyRoute } from "../../packages/local/src/service/readiness.ts"

const root = join(import.meta.dirname, "../..")
const read = (path: string) => readFileSync(join(root, path), "utf8")
const blueprint = read("render.yaml")
const value = (key: string) => new RegExp(`^ +(?:- )?${key}: (.+)$`, "m").exec(blueprint)?.[1]

/** The variables that the blueprint sets or asks for, also those in a comment, each with what it says of its value. */
const variables = [...blueprint.matchAll(/^ *(# )?- key: (\w+)\n *(?:# +)?(sync: false|value: .+)$/gm)].map(
  ([, comment, name = "", how = ""]) => ({ name, how, isOffered: comment !== undefined }),
)

test("the blueprint's variables are settings that exist, and all that the guide's four steps need", () => {
  const known = new Set(
    [...read(".env.example").matchAll(/^(?:# )?([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => name),
  )
  const names = variables.map(({ name }) => name)
  expect(names.filter((name) => !known.has(name) && !name.startsWith("AWS_"))).toEqual([])
  expect(variables.filter(({ isOffered }) => !isOffered).map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      ...["QSTASH_TOKEN", "QSTASH_CURRENT_SIGNING_KEY", "QSTASH_NEXT_SIGNING_KEY", "BASE_URL"],
      ...["TABLE_NAME", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
    ]),
  )
  expect(names).toEqual(expect.arrayContaining(["CELERY_BROKER_URL", "CELERY_SIGNING_KEY"]))
  expect(blueprint.match(/- key: /g)).toHaveLength(variables.length)
})

test("what is secret stands nowhere in it: Render asks for it", () => {
  const secret = variables.filter(({ name }) => /TOKEN|KEY|CREDENTIALS|BROKER_URL/.test(name))
  expect(secret.length).toBeGreaterThan(6)
  for (const { name, how } of secret) expect([name, how]).toEqual([name, "sync: false"])
})

test("it builds our image, starts what that starts, and asks for its readiness", () => {
  expect(read(String(value("dockerfilePath")))).toContain('CMD ["imgmigrator", "serve", "--no-local"]')
  expect(value("dockerCommand")).toBe("imgmigrator serve --no-local --create-table")
  expect(value("healthCheckPath")).toBe(readyRoute.path)
  // A quarter of a minute more than the service takes at most to book what is in flight.
  expect(Number(value("maxShutdownDelaySeconds"))).toBeGreaterThan(26 + 15)
})

test("the blueprint is YAML without tabs, in steps of two", () => {
  for (const line of blueprint.split("\n"))
    expect(line).toMatch(/^(?: {2})*(?:#.*|- [a-z]+: \S.*|[a-zA-Z]+:(?: \S.*)?)?$/)
})

test.for(["docs/outside-aws.md", "docs/celery.md", "examples/celery/README.md"])(
  "what %s links to is there, and the settings that it names are read",
  (page) => {
    const text = read(page)
    const links = [...text.matchAll(/\]\(([^)#\s:]+)(?:#[^)]*)?\)/g)].map(([, link = ""]) => link)
    expect(links.filter((link) => !existsSync(join(root, page, "..", link)))).toEqual([])
    const known = `${read(".env.example")}\n${read("examples/celery/imgmigrator_celery/settings.py")}`
    const named = text.match(/\b(?:QSTASH|CELERY|WORKER|STORE|TABLE|BASE)_[A-Z_]+\b/g) ?? []
    expect(named.filter((name) => !known.includes(name))).toEqual([])
  },
)
