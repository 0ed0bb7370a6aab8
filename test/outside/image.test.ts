import { spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, globSync, mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { DescribeTimeToLiveCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb"
import { startQStash } from "qstash-local"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import * as z from "zod"
import { newRoot, within } from "../journey/cli-run.ts"
import { freePort, startDynamo } from "../support/dynamodb.ts"
import { buildImage, type Image, putNode } from "./support/image.ts"

/*
 * The image, built by following the Dockerfile's steps: what `npm ci --omit=dev` leaves, a user without rights, nothing
 * of the environment.
 */
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })
const LogLine = z.looseObject({ level: z.string(), message: z.string(), timestamp: z.iso.datetime() })
const folder = newRoot()
const started: { close(): Promise<void> }[] = []
let image: Image
let node: string
beforeAll(() => {
  chmodSync(folder, 0o755)
  image = buildImage(folder)
  mkdirSync(join(folder, "node"))
  node = putNode(join(folder, "node"))
})
afterAll(async () => {
  for (const each of started.reverse()) await each.close()
})

/** Run a command in the image, as its user where we may become another. */
function run(command: readonly string[], settings: Readonly<Record<string, string>>) {
  const path = (image.env.PATH ?? "").replace("/app", join(image.at, "app")).replace("$PATH", "/usr/bin:/bin")
  const env = { ...image.env, ...settings, PATH: `${node}:${path}` }
  const drop = ["/usr/bin/setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
  const [file = "", ...args] = process.getuid?.() === 0 ? [...drop, ...command] : command
  const child = spawn(file, args, { cwd: join(image.at, "app"), env, stdio: ["ignore", "pipe", "pipe"] })
  let said = ""
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text
    })
  return { child, said: () => said, ended: once(child, "close").then(([code]) => ({ code, said })) }
}

test("it serves as a user without rights: makes its table, is ready, is delivered to, and ends when it is told to", async () => {
  expect(image).toMatchObject({ user: "node", command: ["imgmigrator", "serve", "--no-local"] })
  const dynamo = await startDynamo()
  started.push(dynamo)
  const qstash = await startQStash({
    port: 0,
    token: "t",
    currentSigningKey: "current",
    nextSigningKey: "next",
  })
  started.push(qstash)
  const port = String(await freePort())
  const settings = {
    TABLE_NAME: "photos",
    AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint,
    AWS_ACCESS_KEY_ID: "id",
    AWS_SECRET_ACCESS_KEY: "secret",
    AWS_REGION: "eu-central-1",
    QSTASH_URL: qstash.url,
    QSTASH_TOKEN: "t",
    QSTASH_CURRENT_SIGNING_KEY: "current",
    BASE_URL: `http://127.0.0.1:${port}`,
    PORT: port,
    WORKER_CONCURRENCY: "1",
  }
  expect((await run(image.healthcheck, settings).ended).code).toBe(1)
  const service = run([...image.command, "--create-table"], settings)
  const ready = () => fetch(`${settings.BASE_URL}/ready`)
  await within(async () => expect((await ready()).status, service.said()).toBe(200))
  expect((await run(image.healthcheck, settings).ended).code).toBe(0)
  if (process.getuid?.() === 0)
    expect(readFileSync(`/proc/${service.child.pid}/status`, "utf8")).toMatch(/^Uid:\s+65534\s+65534/m)
  const credentials = { accessKeyId: "id", secretAccessKey: "secret" }
  const table = new DynamoDBClient({ endpoint: dynamo.endpoint, region: settings.AWS_REGION, credentials })
  const expiry = await table.send(new DescribeTimeToLiveCommand({ TableName: settings.TABLE_NAME }))
  expect(expiry.TimeToLiveDescription).toMatchObject({
    AttributeName: "expires_at",
    TimeToLiveStatus: "ENABLED",
  })

  const keys = await run(["imgmigrator", "keys", "create", "--no-local", "--user", "ada"], settings).ended
  expect(keys.code, keys.said).toBe(0)
  const ask = async (path: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${keys.said.trim()}`, "content-type": "application/json" }
    const answer = await fetch(`${settings.BASE_URL}/api/v1${path}`, {
      headers,
      ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: z.record(z.string(), z.unknown()).parse(await answer.json()) }
  }
  const healthy = { status: 200, body: { status: "ok", dispatcher: { kind: "qstash" } } }
  expect(await ask("/health")).toMatchObject(healthy)
  expect(await ask("/openapi.json")).toMatchObject({ status: 200 })
  const folder = await ask("/migrations", { source: "/etc", destination: "s3://photos" })
  expect(folder).toMatchObject({ status: 403, body: { type: "/problems/store.local" } })

  // Addresses of this machine are refused outside the local service: that it says so is the proof of the delivery.
  const inside = { type: "urls", urls: ["http://127.0.0.1:9/a.jpg"] }
  const { status, body } = await ask("/migrations", {
    source: inside,
    destination: "s3://photos?endpoint=http://127.0.0.1:9",
  })
  expect(status).toBe(201)
  await within(async () =>
    expect(await ask(`/migrations/${body.id}`)).toMatchObject({ body: { status: "failed" } }),
  )

  // Without its table it is alive, and not ready.
  await dynamo.close()
  const waiting = await ready()
  expect([waiting.status, await waiting.json()]).toEqual([
    503,
    { status: "waiting", reason: "The DynamoDB table does not answer." },
  ])
  expect(await ask("/health")).toMatchObject(healthy)

  service.child.kill("SIGTERM")
  expect(await service.ended).toMatchObject({ code: 0 })
  const log = service
    .said()
    .trimEnd()
    .split("\n")
    .filter((line) => !line.startsWith("ImgMigrator serves "))
    .map((line) => LogLine.parse(JSON.parse(line)))
  expect(log.find(({ message }) => message === "service started")).toMatchObject({
    dispatcher: { kind: "qstash", reason: "QSTASH_TOKEN is set." },
    deliveries: `${settings.BASE_URL}/api/v1/webhooks/qstash`,
    workers: 1,
  })
  const said = log.map(({ message }) => message)
  expect(said).toContain("published to QStash")
  expect(said).toContain("service ending")
})

test("nothing that is for development is in it, and no setting of whoever builds it", () => {
  const names = globSync("**", {
    cwd: join(image.at, "app"),
    exclude: (path) => path.includes("node_modules/"),
  })
  expect(names.length).toBeGreaterThan(100)
  expect(names.filter((name) => /\.test\.ts$|(^|\/)\.env|^(test|docs|infra|bench)\//.test(name))).toEqual([])
  const installed = globSync("node_modules/{@*/,}*", { cwd: join(image.at, "app") })
  expect(installed).toContain("node_modules/zod")
  for (const name of ["vitest", "typescript", "esbuild", "@dynoxide", "bun", "node"])
    expect(installed).not.toContain(`node_modules/${name}`)
})

test("the manifest of every workspace is there before anything is installed", () => {
  const dockerfile = readFileSync(join(import.meta.dirname, "../../Dockerfile"), "utf8")
  const manifests = globSync("packages/*/package.json", { cwd: join(import.meta.dirname, "../..") })
  for (const path of manifests)
    expect(dockerfile).toContain(`COPY ${path} ${path.replace("package.json", "")}\n`)
})
