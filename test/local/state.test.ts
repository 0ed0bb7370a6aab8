import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb"
import { afterAll, expect, test, vi } from "vitest"
import { startDynamo } from "../../packages/local/src/dynamo/start.ts"
import { claimState } from "../../packages/local/src/state/claim.ts"
import { lockState } from "../../packages/local/src/state/lock.ts"
import { readOwner, writeOwner } from "../../packages/local/src/state/owner.ts"
import { secretsOf } from "../../packages/local/src/state/secrets.ts"

const root = mkdtempSync(join(tmpdir(), "state-"))
const children: ChildProcess[] = []
afterAll(() => {
  for (const child of children) child.kill("SIGKILL")
  rmSync(root, { recursive: true, force: true })
})

let count = 0
const newFolder = () => join(root, String(++count))

/** Starts holder.ts and waits for its answer. */
async function hold(what: string, path: string) {
  const child = spawn(process.execPath, [join(import.meta.dirname, "holder.ts"), what, path], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  children.push(child)
  let said = ""
  for await (const text of child.stdout) {
    said += text
    if (said.includes("\n")) break
  }
  return { answer: said.trim().replace(/^ready /, ""), child, pid: child.pid ?? 0 }
}
const kill = async (child: ChildProcess) => {
  child.kill("SIGKILL")
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit")
}

test("a state folder has one owner at a time", async () => {
  const folder = newFolder()
  const lock = lockState(folder)
  expect(lock).toBeDefined()
  expect((await hold("lock", folder)).answer).toBe("refused")
  lock?.release()
  expect((await hold("lock", folder)).answer).toBe("locked")
  expect(lockState(folder)).toBeUndefined()
})

test("a killed owner leaves no lock behind", async () => {
  const folder = newFolder()
  const { child } = await hold("lock", folder)
  expect(lockState(folder)).toBeUndefined()
  await kill(child)
  expect(lockState(folder)).toBeDefined()
})

test("of many that want it at once, one gets it", async () => {
  const folder = newFolder()
  const all = await Promise.all(Array.from({ length: 4 }, () => hold("lock", folder)))
  expect(all.filter(({ answer }) => answer === "locked")).toHaveLength(1)
})

test("a folder that can't be made is refused with the way out", () => {
  const file = join(root, "file")
  writeFileSync(file, "")
  expect(() => lockState(join(file, "state"))).toThrow(/cannot be written .*--state DIR/)
})

test("secrets are made once, random, and for this user's eyes only", () => {
  const [a, b] = [newFolder(), newFolder()]
  for (const folder of [a, b]) mkdirSync(folder)
  expect(secretsOf(a)).toEqual(secretsOf(a))
  expect(secretsOf(a).qstash_token).not.toBe(secretsOf(b).qstash_token)
  expect(statSync(join(a, "secrets.json")).mode & 0o077).toBe(0)
})

test("whoever finds the folder taken learns how to reach its owner, once that answers", async () => {
  const folder = newFolder()
  const lock = lockState(folder)
  const server = createServer((request, response) =>
    response.writeHead(request.headers.authorization === "Bearer k" ? 200 : 403).end("{}"),
  ).listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`
  const owner = { pid: process.pid, command: "serve", works: true, started_at: new Date().toISOString() }
  writeOwner(folder, owner)
  const claimed = claimState(folder)
  writeOwner(folder, { ...owner, url, api_key: "k" })
  expect(await claimed).toMatchObject({ owner: { url, api_key: "k", command: "serve" } })
  expect(statSync(join(folder, "owner.json")).mode & 0o077).toBe(0)

  // One that only answers is no help to who has work; who only asks may use it.
  writeOwner(folder, { ...owner, url, api_key: "k", works: false })
  await expect(claimState(folder, { patienceMs: 100 })).rejects.toThrow("does not answer")
  expect(await claimState(folder, { works: false })).toMatchObject({ owner: { url } })

  // A dead owner's file may name a port that is somebody else's by now.
  writeOwner(folder, { ...owner, url, api_key: "other" })
  await expect(claimState(folder, { patienceMs: 100 })).rejects.toThrow(
    /belongs to process \d+ \(imgmigrator serve\).*does not answer/,
  )
  lock?.release()
  expect(await claimState(folder)).toHaveProperty("lock")
  server.close()
})

test("a damaged owner's file is no owner", () => {
  const folder = newFolder()
  mkdirSync(folder)
  writeFileSync(join(folder, "owner.json"), '{"pid": "x"')
  expect(readOwner(folder)).toBeUndefined()
})

const tables = (endpoint: string) =>
  new DynamoDBClient({
    endpoint,
    region: "local",
    credentials: { accessKeyId: "a", secretAccessKey: "b" },
    maxAttempts: 1,
  }).send(new ListTablesCommand())

test("DynamoDB answers, keeps its data in the folder, and ends when told", async () => {
  const folder = newFolder()
  mkdirSync(folder)
  const dynamo = await startDynamo(folder, {})
  expect((await tables(dynamo.endpoint)).TableNames).toEqual([])
  expect(statSync(join(folder, "dynamodb.sqlite")).size).toBeGreaterThan(0)
  await dynamo.close()
  await expect(tables(dynamo.endpoint)).rejects.toMatchObject({ code: "ECONNREFUSED" })
})

test("DynamoDB ends with the process that started it, also by SIGKILL", async () => {
  const folder = newFolder()
  mkdirSync(folder)
  const { answer, child } = await hold("dynamo", folder)
  expect((await tables(answer)).TableNames).toEqual([])
  await kill(child)
  await vi.waitFor(() => expect(tables(answer)).rejects.toMatchObject({ code: "ECONNREFUSED" }), {
    timeout: 10_000,
    interval: 20,
  })
})

test("DynamoDB that ends by itself is started again, at the same address with the same data", async () => {
  const folder = newFolder()
  mkdirSync(folder)
  const dynamo = await startDynamo(folder, {})
  const pid = processOf(join(folder, "dynamodb.sqlite"))
  process.kill(pid, "SIGKILL")
  await vi.waitFor(async () => expect((await tables(dynamo.endpoint)).TableNames).toEqual([]), {
    timeout: 20_000,
    interval: 20,
  })
  expect(processOf(join(folder, "dynamodb.sqlite"))).not.toBe(pid)
  await dynamo.close()
})

/** The dynoxide that has this file; its shell names the file too. */
function processOf(database: string): number {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name))
  const found = pids.find((pid) => {
    try {
      const [program, ...args] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")
      return program?.endsWith("/dynoxide") && args.includes(database)
    } catch {
      return false // it has ended meanwhile
    }
  })
  return Number(found ?? expect.fail(`no dynoxide has ${database}`))
}

test("another DynamoDB can be named instead", async () => {
  const named = await startDynamo(newFolder(), { AWS_ENDPOINT_URL_DYNAMODB: "http://dynamo.example:8000" })
  expect(named).toMatchObject({ endpoint: "http://dynamo.example:8000", embedded: false })
})

test("a DynamoDB that can't start says why", async () => {
  const folder = newFolder()
  mkdirSync(join(folder, "dynamodb.sqlite"), { recursive: true })
  await expect(startDynamo(folder, {})).rejects.toThrow(/did not start: .+/)
})

test("workers end with the process that started them, also by SIGKILL", async () => {
  const began = join(root, "began")
  const { child } = await hold("pool", began)
  const pid = await vi.waitFor(() => Number(readFileSync(began, "utf8")) || expect.fail("still empty"), {
    timeout: 20_000,
    interval: 10,
  })
  expect(process.kill(pid, 0)).toBe(true)
  await kill(child)
  await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow("ESRCH"), {
    timeout: 10_000,
    interval: 20,
  })
})
