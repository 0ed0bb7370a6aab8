import { mkdirSync } from "node:fs"
import { DescribeTimeToLiveCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb"
import { startQStash } from "qstash-local"
import { afterAll, expect, test, vi } from "vitest"
import * as z from "zod"
import { startDynamo } from "../../packages/local/src/dynamo/start.ts"
import { freePort } from "../support/dynamodb.ts"
import { newRoot, start, within } from "./cli-run.ts"

/*
 * `imgmigrator serve --no-local`: everything from settings, as on a host of one's own. DynamoDB and QStash run here,
 * in the test's process, as services elsewhere would.
 */
vi.setConfig({ testTimeout: 240_000 })
const LogLine = z.looseObject({ level: z.string(), message: z.string(), timestamp: z.iso.datetime() })
const root = newRoot()
const started: { close(): Promise<void> }[] = []
afterAll(async () => {
  for (const each of started.reverse()) await each.close()
})

test("with nothing set, all that is missing is named at once", async () => {
  const nowhere = { AWS_CONFIG_FILE: "/dev/null", AWS_SHARED_CREDENTIALS_FILE: "/dev/null", AWS_REGION: "" }
  const credentials = { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "", AWS_EC2_METADATA_DISABLED: "true" }
  const ended = await start(["serve", "--no-local"], root, undefined, { ...nowhere, ...credentials }).ended
  expect(ended).toMatchObject({ code: 2, stdout: "" })
  const named = ended.stderr
    .split("\n")
    .flatMap((line) => /^(?:imgmigrator:)? *(\S.*) (?:is|are) not configured\. /.exec(line)?.[1] ?? [])
  expect(named).toEqual([
    "TABLE_NAME",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "QSTASH_TOKEN",
    "QSTASH_CURRENT_SIGNING_KEY",
    "Webhook URL",
  ])
})

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
  const serve = (...more: string[]) =>
    start(
      ["serve", "--no-local", "--host", "127.0.0.1", "--workers", "1", ...more],
      root,
      undefined,
      settings,
    )
  const early = await serve().ended
  expect(early).toMatchObject({ code: 2, stdout: "" })
  expect(early.stderr).toMatch(
    /^imgmigrator: The DynamoDB table photos does not answer \(ResourceNotFoundException: .+\)\. Make it with: .+ --create-table\n$/,
  )

  const service = serve("--create-table")
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
  const credentials = { accessKeyId: "id", secretAccessKey: "secret" }
  const table = new DynamoDBClient({ endpoint: dynamo.endpoint, region: settings.AWS_REGION, credentials })
  const expiry = await table.send(new DescribeTimeToLiveCommand({ TableName: settings.TABLE_NAME }))
  expect(expiry.TimeToLiveDescription).toMatchObject({
    AttributeName: "expires_at",
    TimeToLiveStatus: "ENABLED",
  })
  const healthy = { status: 200, body: { status: "ok", dispatcher: { kind: "qstash" } } }
  expect(await ask("/health")).toMatchObject(healthy)
  const ready = () => fetch(`${settings.BASE_URL}/ready`)
  expect(await (await ready()).json()).toEqual({ status: "ready" })
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

  // Without its table it is alive, and not ready.
  await dynamo.close()
  const waiting = await ready()
  expect([waiting.status, await waiting.json()]).toEqual([
    503,
    { status: "waiting", reason: "The DynamoDB table does not answer." },
  ])
  expect(await ask("/health")).toMatchObject(healthy)

  service.child.kill("SIGTERM")
  const ended = await service.ended
  expect(ended).toMatchObject({ code: 0, signal: null })
  const log = ended.stderr
    .trimEnd()
    .split("\n")
    .map((line) => LogLine.parse(JSON.parse(line)))
  expect(log.find(({ message }) => message === "service started")).toMatchObject({
    dispatcher: { kind: "qstash", reason: "QSTASH_TOKEN is set." },
    deliveries: `${settings.BASE_URL}/api/v1/webhooks/qstash`,
  })
  expect(log.map(({ message }) => message)).toContain("service ending")
})
