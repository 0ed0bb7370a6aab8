import { execFile, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, join, resolve } from "node:path"
import { createInterface } from "node:readline"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest"

// The two packages that are useful alone, as somebody has them who installed them: packed, without this repository.

const run = promisify(execFile)

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

const packages = [
  {
    name: "qstash-local",
    dependency: "croner",
    args: ["--port", "0", "--quota", "free", "--quiet"],
    page: "<title>qstash-local</title>",
    // Durable state, a virtual clock and schedules, which need the dependency.
    script: `
      import { startQStash, virtualClock } from "qstash-local"
      const clock = virtualClock(Date.parse("2026-01-01T00:00:30Z"))
      const qstash = await startQStash({ port: 0, clock, stateDir: "state-" + process.versions.node })
      const headers = { authorization: "Bearer " + qstash.token, "upstash-cron": "* * * * *" }
      const made = await fetch(qstash.url + "/v2/schedules/http://127.0.0.1:1/", { method: "POST", headers })
      await clock.advance("2m")
      console.log(made.status, qstash.stats().published)
      await qstash.close()`,
    prints: "200 2\n",
    types: `
      import { type QStash, startQStash, type VirtualClock, virtualClock } from "qstash-local"
      const clock: VirtualClock = virtualClock()
      const qstash: QStash = await startQStash({ port: 0, clock, quota: "free" })
      qstash.faults.arm("twice", { times: 2, when: (message) => message.url.endsWith("/x") })
      // @ts-expect-error there is no such fault
      qstash.faults.arm("thrice")
      export const count: number | undefined = qstash.stats().published`,
  },
  {
    name: "s3-local",
    dependency: "fast-xml-parser",
    args: ["--port", "0", "--bucket", "abc"],
    page: "<Code>AccessDenied</Code>",
    script: `
      import { startS3 } from "s3-local"
      const s3 = await startS3({ port: 0, dir: "state-" + process.versions.node, buckets: ["abc"] })
      const answer = await fetch(s3.url + "/abc/x")
      console.log(answer.status, s3.stats().GetObject)
      await s3.close()`,
    prints: "403 1\n",
    types: `
      import { type Effect, type S3, startS3 } from "s3-local"
      const s3: S3 = await startS3({ port: 0, buckets: ["abc"] })
      const effect: Effect = { kind: "answer", code: "SlowDown" }
      s3.faults.inject({ effect, when: ({ operation }) => operation === "PutObject" })
      // @ts-expect-error there is no such effect
      s3.faults.inject({ effect: { kind: "answer", code: "Nonsense" } })
      export const count: number | undefined = s3.stats().PutObject`,
  },
]

let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "published-"))
  // Once for both: half of it is npm's own start.
  const which = packages.flatMap(({ name }) => ["--workspace", `packages/${name}`])
  await run("npm", ["pack", ...which, "--pack-destination", folder])
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe.each(packages)("$name", ({ name, dependency, args, page, script, prints, types }) => {
  const project = () => join(folder, name)
  const installed = () => join(project(), "node_modules", name)

  beforeAll(async () => {
    await mkdir(join(project(), "node_modules"), { recursive: true })
    await run("tar", ["xzf", join(folder, `${name}-0.1.0.tgz`), "-C", project()])
    await cp(join(project(), "package"), installed(), { recursive: true })
    for (const each of [dependency, "@types", "undici-types"])
      await symlink(resolve("node_modules", each), join(project(), "node_modules", each))
    await writeFile(join(project(), "package.json"), '{"type":"module"}')
    await writeFile(join(project(), "use.mts"), types)
  })

  test("has what a package needs, and nothing of the workspace", async () => {
    const files = await readdir(installed())
    expect(files.sort()).toEqual(["LICENSE", "README.md", "bin", "dist", "index.js", "package.json"])
    const manifest = JSON.parse(await readFile(join(installed(), "package.json"), "utf8"))
    expect(manifest).toMatchObject({ license: "MIT", engines: { node: expect.stringMatching(/^>=20/) } })
    expect(manifest.private).toBeUndefined()
    expect(Object.keys(manifest.dependencies)).toEqual([dependency])
    for (const path of [
      manifest.bin[name],
      manifest.exports["."].default,
      manifest.exports["."].types.at(-1),
    ])
      expect(existsSync(join(installed(), path)), path).toBe(true)
  })

  test.for(nodes)("%s runs its command", async (node) => {
    const command = [join(installed(), `bin/${name}.js`), ...args]
    const child = spawn(node, command, { cwd: project(), stdio: ["ignore", "pipe", "inherit"] })
    onTestFinished(() => void child.kill("SIGKILL"))
    const gone = new Promise((done) => child.once("exit", done))
    let url = ""
    for await (const line of createInterface(child.stdout)) {
      url = /listens on (\S+)/.exec(line)?.[1] ?? ""
      if (url) break
    }
    expect(await (await fetch(url)).text()).toContain(page)
    child.kill("SIGTERM")
    expect(await gone).toBe(0)
  })

  test.for(nodes)("%s imports its library", async (node) => {
    const done = await run(node, ["--input-type=module", "--eval", script], { cwd: project() })
    expect(done.stdout).toBe(prints)
  })
})

test("each brings its types", async () => {
  const flags = ["--noEmit", "--strict", "--skipLibCheck", "false", "--types", "node"]
  const target = ["--module", "nodenext", "--target", "es2022"]
  // Once for both, since most of it is the checking of TypeScript's own library; each finds only what is in its own project.
  const files = packages.map(({ name }) => join(folder, name, "use.mts"))
  const cwd = join(folder, packages[0]?.name ?? "")
  await run(resolve("node_modules/.bin/tsc"), [...flags, ...target, ...files], { cwd })
})
