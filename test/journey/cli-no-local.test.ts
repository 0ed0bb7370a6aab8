import { mkdirSync } from "node:fs"
import { createServer } from "node:net"
import { startQStash } from "qstash-local"
import { afterAll, expect, test, vi } from "vitest"
import * as z from "zod"
import { createTable } from "../../packages/functions/src/db/table.ts"
import { startDynamo } from "../../packages/local/src/dynamo/start.ts"
import { newRoot, start, within } from "./cli-run.ts"

/*
 * `imgmigrator serve --no-local`: everything from settings, as on a host of one's own. DynamoDB and QStash run here,
 * in the test's process, as services elsewhere would.
 */
vi.setConfig({ testTimeout: 240_000 })
const root = newRoot()
const started: { close(): Promise<void> }[] = []
afterAll(async () => {
  for (const each of started.reverse()) await each.close()
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === "object" && address ? address.port : expect.fail("no port")
}

test("it serves, publishes, is delivered to and sweeps with nothing but settings, and ends when it is told to", async () => {
  mkdirSync(`${root}/data`)
  const dynamo = await startDynamo(`${root}/data`, {})
  started.push(dynamo)
  const qstash = await startQStash({
    port: 0,
    token: "t",
    currentSigningKey: "current",
    nextSigningKey: "next",
  })
  started.push(qstash)
  const port = await freePort()
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
    PORT: String(port),
  }
  const serve = () =>
    start(["serve", "--no-local", "--host", "127.0.0.1", "--workers", "1"], root, undefined, settings)
  const early = await serve().ended
  expect(early).toMatchObject({ code: 2, stdout: "" })
  expect(early.stderr).toMatch(
    /^imgmigrator: The DynamoDB table photos does not answer \(ResourceNotFoundException: .+\)\.\n$/,
  )

  Object.assign(process.env, settings)
  await createTable()
  const service = serve()
  await within(() => expect(service.said()).toContain(`ImgMigrator serves ${settings.BASE_URL}/api/v1.`))
  const made = await start(["keys", "create", "--user", "ada", "--no-local"], root, undefined, settings).ended
  const key = made.stdout.trim()
  const ask = async (path: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" }
    const answer = await fetch(`${settings.BASE_URL}/api/v1${path}`, {
      headers,
      ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: z.record(z.string(), z.unknown()).parse(await answer.json()) }
  }
  expect(await ask("/health")).toMatchObject({
    status: 200,
    body: { status: "ok", dispatcher: { kind: "qstash" } },
  })
  const folder = await ask("/migrations", { source: root, destination: "s3://photos" })
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
  expect(service.said()).toContain('"message":"published to QStash"')

  service.child.kill("SIGTERM")
  expect(await service.ended).toMatchObject({ code: 0, signal: null })
})
