import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { Options } from "@imgmigrator/core/migration"
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest"
import { apiAt } from "../../packages/cli/src/api.ts"
import { findUnfinished, nameFor } from "../../packages/cli/src/find.ts"
import { startHost } from "../stores/http-support.ts"
import { runHere } from "./cli-here.ts"
import {
  expectGone,
  expectSame,
  makeFiles,
  migrationOf,
  newRoot,
  ownerOf,
  type Running,
  run,
  start,
  within,
} from "./cli-run.ts"

/*
 * One `imgmigrator serve`, and commands that attach to it: as processes of their own where that is the point, else in this one.
 */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 }) // whole programs, on machines that may be busy
const root = newRoot()
const at = (name: string) => join(root, name)
const state = at(".imgmigrator")
let service: Running
let owner: Awaited<ReturnType<typeof ownerOf>>
beforeAll(async () => {
  process.chdir(root)
  makeFiles(at("photos"), 40, 1_000)
  service = start(["serve", "--port", "0"], root)
  await within(() => expect(service.said()).toContain("makes an API key"))
  owner = await ownerOf(state)
})
afterAll(() => void service.child.kill("SIGKILL"))

const idIn = (text: string) => /mig_\w+/.exec(text)?.[0] ?? expect.fail(`no id in ${text}`)

test("it says where it serves, and whose folder it is to a second one", async () => {
  expect(service.said()).toContain(`ImgMigrator serves ${owner.url}/api/v1, with its state in ${state}.`)
  const port = new URL(owner.url).port
  const [second, taken] = await Promise.all([
    run(["serve", "--port", "0"], root),
    run(["serve", "--port", port, "--state", "other"], root),
  ])
  expect(second).toMatchObject({ code: 2, stdout: "" })
  expect(second.stderr).toMatch(
    new RegExp(
      `belongs to process ${owner.pid} \\(imgmigrator serve, since .*\\), which serves ${owner.url}`,
    ),
  )
  expect(taken).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`Port ${port} of 127.0.0.1 is in use.`),
  })
})

test("migrations of several commands at once all arrive through it", async () => {
  const names = ["one", "two", "three"]
  const all = await Promise.all(names.map((name) => run(["migrate", "photos", name, "--json"], root)))
  for (const [index, ended] of all.entries()) {
    expect(ended.code, ended.stderr).toBe(0)
    expect(migrationOf(ended)).toMatchObject({ status: "completed", totals: { migrated: 40 } })
    expectSame(at("photos"), at(names[index] ?? ""))
  }
  expect(await ownerOf(state)).toEqual(owner)
})

test("what can't be moved is told with its reason, the rest arrives, exit code 1; retry says so again", async () => {
  makeFiles(at("flawed"), 3, 100)
  const noUtf8 = Buffer.concat([Buffer.from(`${at("flawed")}/`), Buffer.from([0xff]), Buffer.from(".jpg")])
  writeFileSync(noUtf8, "x")
  const server = createServer().listen(join(at("flawed"), "socket"))
  const ended = await run(["migrate", "flawed", "flawed-copy"], root)
  expect(ended.code, ended.stderr).toBe(1)
  expect(ended.stdout).toMatch(/^Completed in [\d:]+, but 2 images could not be moved\./)
  expect(ended.stdout).toMatch(/\nFailed:\n[\s\S]* {2}socket\n {4}source\.type: /)
  expect(ended.stdout).toMatch(/\n {4}source\.name: .*no UTF-8/)
  const arrived = readdirSync(at("flawed-copy"), { recursive: true }).filter((name) =>
    /\.jpg$/.test(String(name)),
  )
  expect(arrived).toHaveLength(3)

  const id = idIn((await runHere(["list", "--status", "completed_with_failures"])).stdout)
  const report = await runHere(["report", id, "--outcome", "failed", "--format", "ndjson"])
  const entries = report.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
  expect(entries.map(({ code }) => code).sort()).toEqual(["source.name", "source.type"])
  expect((await run(["report", id, "--format", "csv"], root)).stdout.split("\r\n")).toHaveLength(1 + 5 + 1)
  const retried = await runHere(["retry", id])
  expect(retried).toMatchObject({ code: 0, stdout: `${id} is running.\n` })
  const api = apiAt(owner.url, owner.api_key)
  await within(async () => expect((await api.get(id)).status).toBe("completed_with_failures"))
  expect((await runHere(["status", id])).stdout).toContain("completed_with_failures")
  server.close()
})

test("a dry run copies nothing, an empty source is no error", async () => {
  mkdirSync(at("empty"))
  const [dry, empty] = await Promise.all([
    run(["migrate", "photos", "dry", "--dry-run"], root),
    run(["migrate", "empty", "empty-copy"], root),
  ])
  expect(dry).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^Dry run: 40 images looked at, none copied\./),
  })
  expect(existsSync(at("dry"))).toBe(false)
  expect(empty).toMatchObject({ code: 0, stdout: expect.stringMatching(/^The source is empty/) })
})

test("a source that holds the service's own state is refused over HTTP too", async () => {
  const answer = await fetch(`${owner.url}/api/v1/migrations`, {
    method: "POST",
    headers: { authorization: `Bearer ${owner.api_key}`, "content-type": "application/json" },
    body: JSON.stringify({ source: root, destination: `${root}-elsewhere` }),
  })
  expect(answer.status).toBe(400)
  expect(await answer.json()).toMatchObject({
    type: "/problems/state.in_source",
    detail: expect.stringContaining("lies inside the source"),
  })
})

test("what goes on is the migration of these very stores, also where their difference is not shown", async () => {
  const api = apiAt(owner.url, owner.api_key)
  const options = Options.parse({})
  const to = (query: string) => {
    const wish = {
      source: at("photos"),
      destination: `s3://photos?endpoint=http://127.0.0.1:9${query}`,
      options,
    }
    return { ...wish, name: nameFor(wish, undefined) }
  }
  const { id } = await api.create(to("&credentials=unknown"))
  await within(async () => expect(await api.get(id)).toMatchObject({ status: "failed" }))
  expect(await findUnfinished(api, to("&credentials=unknown"))).toMatchObject({ id })
  expect(await findUnfinished(api, to("&credentials=other"))).toBeUndefined()
  expect(await findUnfinished(api, to(""))).toBeUndefined()
})

test("a key made on the command line opens the API to its user alone, until it is revoked", async () => {
  const { stdout } = await run(["keys", "create", "--user", "ada", "--name", "laptop"], root)
  const key = stdout.trim()
  const list = () => runHere(["list", "--api", owner.url, "--key", key])
  expect(await list()).toMatchObject({ code: 0, stdout: "" })
  const [mine] = (await runHere(["list"])).stdout.split("\n")
  const foreign = await run(["status", idIn(mine ?? ""), "--api", owner.url, "--key", key], root)
  expect(foreign).toMatchObject({ code: 2, stderr: expect.stringContaining("There is no migration") })
  const [keyId = ""] = (await run(["keys", "list", "--user", "ada"], root)).stdout.split(" ")
  expect((await run(["keys", "revoke", "--user", "ada", keyId], root)).code).toBe(0)
  expect(await list()).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("does not know this API key"),
  })
})

test("a migration can be paused, resumed and cancelled from another terminal", async () => {
  // From the fifth on images do not come: whoever is quick finds it at work all the same.
  const host = await startHost()
  onTestFinished(() => host.close())
  const images = Array.from({ length: 20 }, (_, i) => `/image-${i}.jpg`)
  for (const [i, path] of images.entries())
    host.on(path, (_, response) => void (i < 5 && response.end(`the bytes of ${path}`)))
  host.file("/list.txt", Buffer.from(images.map((path) => host.url + path).join("\n")))
  const running = start(
    ["migrate", `${host.url}/list.txt`, "many-copy", "--lanes", "1", "--concurrency", "1", "--json"],
    root,
  )
  await within(() => expect(host.seen.map(({ path }) => path)).toContain(images[5]))
  const id = idIn((await run(["list", "--status", "running"], root)).stdout)
  expect(await run(["pause", id], root)).toMatchObject({ code: 0, stdout: `${id} is paused.\n` })
  await within(() => expect(running.said()).toContain("paused"))
  expect((await runHere(["retry", id])).stderr).toContain("Resume it first")
  expect(await run(["resume", id], root)).toMatchObject({ code: 0, stdout: `${id} is running.\n` })
  expect(await run(["cancel", id], root)).toMatchObject({ code: 0, stdout: `${id} is cancelled.\n` })
  const ended = await running.ended
  expect(ended.code, ended.stderr).toBe(2)
  expect(migrationOf(ended)).toMatchObject({ id, status: "cancelled" })
  expect((await runHere(["resume", id])).code).toBe(2)
})

test("Ctrl-C ends it cleanly, and nothing of it is left", async () => {
  service.child.kill("SIGINT")
  expect(await service.ended).toMatchObject({ code: 0, signal: null })
  await expectGone(owner)
  expect(existsSync(join(state, "owner.json"))).toBe(false)
})
