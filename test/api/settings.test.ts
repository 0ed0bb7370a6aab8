import { execFile } from "node:child_process"
import { createHmac } from "node:crypto"
import { promisify } from "node:util"
import { expect, test, vi } from "vitest"
import { log, scrub, withLogFields } from "../../packages/functions/src/log.ts"
import { delivery } from "../../packages/functions/src/middleware/delivery.ts"
import { tableName } from "../../packages/functions/src/settings.ts"
import { storeCredentials, storeSettings } from "../../packages/functions/src/store-settings.ts"
import { deliveredTo, publishTo, webhookPath } from "../../packages/functions/src/webhooks/address.ts"
import { quickNode } from "../support/node.ts"
import { setEnvironment } from "./support/environment.ts"
import { call } from "./support/event.ts"

const settings = new URL("../../packages/functions/src/settings.ts", import.meta.url).href
const run = promisify(execFile)

/** What a fresh process with these variables says of an expression over the settings. */
const inProcess = (expression: string, env: Record<string, string>) =>
  run(
    process.execPath,
    ["-e", `import("${settings}").then((settings) => console.log(JSON.stringify(${expression} ?? null)))`],
    { env: { PATH: process.env.PATH, ...quickNode(), ...env } },
  )

test.for(["QSTASH_DEV", "IMGMIGRATOR_LOCAL"])("%s refuses to start on Lambda", async (name) => {
  await expect(inProcess("1", { [name]: "true", AWS_LAMBDA_FUNCTION_NAME: "worker" })).rejects.toMatchObject({
    stderr: expect.stringContaining(`${name} is set on Lambda`),
  })
  expect((await inProcess("1", { [name]: "false", AWS_LAMBDA_FUNCTION_NAME: "worker" })).stdout).toBe("1\n")
  expect((await inProcess("1", { [name]: "true" })).stdout).toBe("1\n")
})

test("what SST linked is read where the environment says nothing, and blank secrets are absent", async () => {
  const env = {
    SST_RESOURCE_App: '{"name":"imgmigrator","stage":"test"}',
    SST_RESOURCE_Table: '{"name":"linked-table","type":"sst.aws.Dynamo"}',
    SST_RESOURCE_Worker:
      '{"url":"https://abc.lambda-url.eu-central-1.on.aws/","name":"w","type":"sst.aws.Function"}',
    SST_RESOURCE_QSTASH_TOKEN: '{"value":"linked-token","type":"sst.sst.Secret"}',
    SST_RESOURCE_QSTASH_NEXT_SIGNING_KEY: '{"value":" ","type":"sst.sst.Secret"}',
  }
  const expression =
    '[settings.tableName(), settings.baseUrl(), settings.setting("QSTASH_TOKEN"), settings.setting("QSTASH_NEXT_SIGNING_KEY")]'
  expect(JSON.parse((await inProcess(expression, env)).stdout)).toEqual([
    "linked-table",
    "https://abc.lambda-url.eu-central-1.on.aws/",
    "linked-token",
    null,
  ])
  const set = { ...env, TABLE_NAME: "set", QSTASH_TOKEN: "set", BASE_URL: "https://api.example.com" }
  expect(JSON.parse((await inProcess(expression, set)).stdout)).toEqual([
    "set",
    "https://api.example.com/",
    "set",
    null,
  ])
})

test("a missing table is told by its setting's name", () => {
  setEnvironment({ TABLE_NAME: "" })
  expect(tableName).toThrow(/^TABLE_NAME is not configured\. /)
})

test("outside Lambda the name in an event is the caller's, and is not believed", () => {
  setEnvironment({ BASE_URL: undefined, AWS_LAMBDA_FUNCTION_NAME: undefined })
  expect(() => deliveredTo(webhookPath, "evil.example")).toThrow("Webhook URL is not configured")
})

test("on Lambda a worker learns its own address from its first event; BASE_URL goes before it", () => {
  setEnvironment({ BASE_URL: undefined, AWS_LAMBDA_FUNCTION_NAME: "worker" })
  const own = `https://abc.lambda-url.eu-central-1.on.aws${webhookPath}`
  expect(deliveredTo(webhookPath, "abc.lambda-url.eu-central-1.on.aws")).toBe(own)
  expect(publishTo(webhookPath)).toBe(own)
  setEnvironment({ BASE_URL: "https://img.example.com/" })
  expect(deliveredTo(webhookPath, "abc.lambda-url.eu-central-1.on.aws")).toBe(
    `https://img.example.com${webhookPath}`,
  )
  expect(publishTo(webhookPath)).toBe(`https://img.example.com${webhookPath}`)
})

const sets = {
  r2: {
    access_key_id: "AK",
    secret_access_key: "very-secret",
    endpoint: "https://acc.r2.example.com",
    buckets: ["photos"],
  },
}

test("STORE_CREDENTIALS holds sets of keys by name, bound to an endpoint and its buckets", async () => {
  setEnvironment({ STORE_CREDENTIALS: JSON.stringify(sets), IMGMIGRATOR_LOCAL: undefined })
  expect(await storeSettings().credentials("r2")).toEqual({
    accessKeyId: "AK",
    secretAccessKey: "very-secret",
    endpoint: "https://acc.r2.example.com",
    buckets: ["photos"],
  })
  expect(await storeSettings().credentials("other")).toBeUndefined()
})

test("without a name they are the environment's", async () => {
  setEnvironment({
    AWS_ACCESS_KEY_ID: "ENV",
    AWS_SECRET_ACCESS_KEY: "env-secret",
    AWS_SESSION_TOKEN: "token",
    AWS_PROFILE: undefined,
  })
  expect(await storeSettings().credentials(undefined)).toEqual({
    accessKeyId: "ENV",
    secretAccessKey: "env-secret",
    sessionToken: "token",
  })
})

test.for([
  ["no JSON", "very-secret{"],
  ["a set without buckets", JSON.stringify({ r2: { ...sets.r2, buckets: undefined } })],
  ["a set with a key too many", JSON.stringify({ r2: { ...sets.r2, secret: "very-secret" } })],
  ["a name that no store could say", JSON.stringify({ "r 2": sets.r2 })],
  ["an endpoint that is none", JSON.stringify({ r2: { ...sets.r2, endpoint: "file:///x" } })],
] as const)("STORE_CREDENTIALS with %s is refused without a word of it", ([, text]) => {
  setEnvironment({ STORE_CREDENTIALS: text })
  expect(storeCredentials).toThrow("STORE_CREDENTIALS")
  expect(storeCredentials).not.toThrow("very-secret")
})

test("addresses in the log lose credentials and queries, authorizations their value", () => {
  expect(scrub("GET https://user:pass@host/a/b?X-Amz-Signature=abc#f failed")).toBe(
    "GET https://host/a/b?…#f failed",
  )
  expect(scrub('"s3://bucket/x?credentials=r2" and http://h/?a')).toBe('"s3://bucket/x?…" and http://h/?…')
  expect(scrub("authorization: Bearer ey.J-x_9/+=")).toBe("authorization: Bearer …")
  expect(scrub("is it there? yes, mailto:a@b.c")).toBe("is it there? yes, mailto:a@b.c")
})

test("a log line carries its door's ids, and of an error its message, code and cause but not what else hangs on it", () => {
  const lines = vi.spyOn(process.stderr, "write").mockReturnValue(true)
  const error = Object.assign(new Error("https://h/x?sig=s3cr3t", { cause: new Error("inner") }), {
    code: "E_X",
    request: { headers: { authorization: "s3cr3t" } },
  })
  withLogFields({ migration_id: "mig_1" }, () =>
    withLogFields({ lane: 2 }, () => log.error("broken", { error })),
  )
  const line = String(lines.mock.calls[0]?.[0])
  expect(line).not.toContain("s3cr3t")
  expect(JSON.parse(line)).toMatchObject({
    level: "ERROR",
    message: "broken",
    migration_id: "mig_1",
    lane: 2,
    failure: { name: "Error", code: "E_X", message: "https://h/x?…", cause: { message: "inner" } },
  })
})

test("on Lambda a refused delivery is counted where alarms can see it", async () => {
  setEnvironment({
    AWS_LAMBDA_FUNCTION_NAME: "worker",
    BASE_URL: "https://worker.example.com",
    QSTASH_CURRENT_SIGNING_KEY: "sig_1",
  })
  vi.spyOn(process.stderr, "write").mockReturnValue(true)
  const out = vi.spyOn(process.stdout, "write").mockReturnValue(true)
  const forged = `e30.e30.${createHmac("sha256", "x").update("e30.e30").digest("base64url")}`
  const answer = await call(
    delivery(async () => ({ outcome: "done" })),
    { method: "POST", body: "{}", headers: { "upstash-signature": forged } },
  )
  const emitted = out.mock.calls.map(([line]) => String(line)).find((line) => line.includes("_aws"))
  out.mockRestore()
  expect(answer.status).toBe(401)
  expect(JSON.parse(emitted ?? "{}")).toMatchObject({
    DeliveriesRefused: 1,
    _aws: {
      CloudWatchMetrics: [
        { Namespace: "ImgMigrator", Metrics: [{ Name: "DeliveriesRefused", Unit: "Count" }] },
      ],
    },
  })
})
