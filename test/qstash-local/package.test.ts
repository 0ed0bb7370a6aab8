import { execFile, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, join, resolve } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest"

const run = promisify(execFile)
let folder = ""
let project = ""

/** Packs a copy of the package as npm would publish it, and installs that into a project of its own. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "qstash-local-package-"))
  const copy = join(folder, "workspace/packages/qstash-local")
  project = join(folder, "project")
  await mkdir(join(project, "node_modules"), { recursive: true })
  const isSource = (path: string) => !/\/(node_modules|dist)$/.test(path)
  await cp("packages/qstash-local", copy, { recursive: true, filter: isSource })
  await cp("tsconfig.json", join(folder, "workspace/tsconfig.json"))
  await symlink(resolve("node_modules"), join(folder, "workspace/node_modules"))
  const before = await readFile(join(copy, "package.json"), "utf8")
  await run("npm", ["pack", "--pack-destination", folder], { cwd: copy })
  expect(await readFile(join(copy, "package.json"), "utf8")).toBe(before)
  await run("tar", ["xzf", join(folder, "qstash-local-0.1.0.tgz"), "-C", join(project, "node_modules")])
  await cp(join(project, "node_modules/package"), join(project, "node_modules/qstash-local"), {
    recursive: true,
  })
  for (const name of ["croner", "@types", "undici-types"])
    await symlink(resolve("node_modules", name), join(project, "node_modules", name))
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

/** This Node and, where there is another on the PATH, that one too: dist/ is for 20 and later. */
const nodes = [
  process.execPath,
  ...(process.env.PATH ?? "")
    .split(delimiter)
    .filter((each) => !each.includes("node_modules"))
    .map((each) => join(each, "node"))
    .filter((path) => existsSync(path))
    .slice(0, 1),
]

test.for(nodes)("%s runs the command of the package", async (node) => {
  const args = ["node_modules/qstash-local/bin/qstash-local.js", "--port", "0", "--quota", "free"]
  const child = spawn(node, args, { cwd: project, stdio: ["ignore", "pipe", "inherit"] })
  onTestFinished(() => void child.kill("SIGKILL"))
  let text = ""
  for await (const part of child.stdout) {
    text += part
    if (text.includes("QSTASH_NEXT_SIGNING_KEY")) break
  }
  const [, url = ""] = /QSTASH_URL=(\S+)/.exec(text) ?? []
  const [, token = ""] = /QSTASH_TOKEN=(\S+)/.exec(text) ?? []
  const keys = await fetch(`${url}/v2/keys`, { headers: { authorization: `Bearer ${token}` } })
  expect(await keys.json()).toMatchObject({ current: "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r" })
  expect(await (await fetch(url)).text()).toContain("<title>qstash-local</title>")
  const gone = new Promise((resolve) => child.once("exit", resolve))
  child.kill("SIGTERM")
  expect(await gone).toBe(0)
})

test.for(nodes)("%s imports the library of the package, durable state, schedules and all", async (node) => {
  const script = `
    import { startQStash, virtualClock } from "qstash-local"
    const clock = virtualClock(Date.parse("2026-01-01T00:00:30Z"))
    const qstash = await startQStash({ port: 0, clock, stateDir: "state-" + process.versions.node })
    const headers = { authorization: "Bearer " + qstash.token, "upstash-cron": "* * * * *" }
    const made = await fetch(qstash.url + "/v2/schedules/http://127.0.0.1:1/", { method: "POST", headers })
    await clock.advance("2m")
    console.log(made.status, JSON.stringify(qstash.stats()))
    await qstash.close()`
  const { stdout } = await run(node, ["--input-type=module", "--eval", script], { cwd: project })
  expect(stdout).toMatch(/^200 .*"published":2/)
})

test("the package brings its types, and nothing of the workspace", async () => {
  const use = `
    import { type QStash, startQStash, type VirtualClock, virtualClock } from "qstash-local"
    const clock: VirtualClock = virtualClock()
    const qstash: QStash = await startQStash({ port: 0, clock, quota: "free" })
    qstash.faults.arm("twice", { times: 2, when: (message) => message.url.endsWith("/x") })
    // @ts-expect-error there is no such fault
    qstash.faults.arm("thrice")
    const count: number | undefined = qstash.stats().published
    export { count }`
  await writeFile(join(project, "use.mts"), use)
  await writeFile(join(project, "package.json"), '{"type":"module"}')
  const flags = [
    "--noEmit",
    "--strict",
    "--module",
    "nodenext",
    "--target",
    "es2022",
    "--skipLibCheck",
    "false",
    "--types",
    "node",
  ]
  await run(resolve("node_modules/.bin/tsc"), [...flags, "use.mts"], { cwd: project })
  const packed = JSON.parse(await readFile(join(project, "node_modules/qstash-local/package.json"), "utf8"))
  expect(Object.keys(packed.dependencies)).toEqual(["croner"])
  expect(packed.scripts).toBeUndefined()
  expect(existsSync(join(project, "node_modules/qstash-local/src"))).toBe(false)
})
