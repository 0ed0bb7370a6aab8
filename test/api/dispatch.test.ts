import { createHash } from "node:crypto"
import { Fault } from "@imgmigrator/core/fault"
import { type QStash, startQStash } from "qstash-local"
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest"
import { describeDispatcher, dispatcher } from "../../packages/functions/src/dispatch/index.ts"
import { verify } from "../../packages/functions/src/webhooks/signature.ts"
import { freePort } from "../support/dynamodb.ts"
import { setEnvironment } from "./support/environment.ts"
import { startReceiver } from "./support/receiver.ts"

const message = { migration_id: "mig_01", user_id: "ana", lane: 3 }
const idOf = (text: string) => createHash("sha256").update(text).digest("hex")

let qstash: QStash
beforeAll(async () => {
  qstash = await startQStash({ port: 0, token: "secret-token" })
})
afterAll(() => qstash.close())
beforeEach(() => {
  qstash.faults.clear()
  setEnvironment({
    QSTASH_URL: qstash.url,
    QSTASH_TOKEN: "secret-token",
    QSTASH_PLAN: undefined,
    QSTASH_DEV: undefined,
    WORKER_CONCURRENCY: undefined,
    CELERY_BROKER_URL: undefined,
    IMGMIGRATOR_LOCAL: undefined,
    BASE_URL: "https://worker.example.com",
  })
})

const faultOf = async (run: Promise<unknown>): Promise<Fault> => {
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof Fault) return error
  throw new Error(`no Fault: ${error}`)
}

const publish = (name: string, options: { delaySeconds?: number } = {}) =>
  dispatcher().publish(message, { deduplicationId: idOf(name), ...options })

test("a message is delivered to the webhook under BASE_URL, signed for exactly that address", async () => {
  const receiver = await startReceiver()
  setEnvironment({ BASE_URL: receiver.url })
  const { messageId } = await publish("delivered")
  await qstash.idle()
  const [delivery] = receiver.received
  expect(delivery).toMatchObject({ method: "POST", path: "/api/v1/webhooks/qstash" })
  expect(delivery?.headers).toMatchObject({
    "upstash-message-id": messageId,
    "content-type": "application/json",
  })
  expect(JSON.parse(String(delivery?.body))).toEqual(message)
  verify({
    signature: String(delivery?.headers["upstash-signature"]),
    body: delivery?.body ?? Buffer.alloc(0),
    url: `${receiver.url}/api/v1/webhooks/qstash`,
    keys: [qstash.currentSigningKey],
    now: Date.now() / 1000,
  })
})

test("a path in front of ours in BASE_URL is kept, and what it climbs stays inside it", async () => {
  const receiver = await startReceiver()
  setEnvironment({ BASE_URL: `${receiver.url}/a/../../b/` })
  await publish("prefixed")
  await qstash.idle()
  expect(receiver.received.map(({ path }) => path)).toEqual(["/b/api/v1/webhooks/qstash"])
})

test("trap 25: QStash is told the retries, the timeout, the flow control, the failure callback, the label and the id", async () => {
  const recorder = await startReceiver(() => ({ status: 201, body: '{"messageId":"msg_1"}' }))
  setEnvironment({ QSTASH_URL: recorder.url })
  await publish("told", { delaySeconds: 2.2 })
  const [request] = recorder.received
  expect(request).toMatchObject({
    method: "POST",
    path: "/v2/publish/https://worker.example.com/api/v1/webhooks/qstash",
  })
  expect(request?.headers).toMatchObject({
    authorization: "Bearer secret-token",
    "content-type": "application/json",
    "upstash-deduplication-id": idOf("told"),
    "upstash-delay": "3s",
    "upstash-retries": "3",
    "upstash-timeout": "310s",
    "upstash-flow-control-key": "imgmigrator",
    "upstash-flow-control-value": "parallelism=10",
    "upstash-failure-callback": "https://worker.example.com/api/v1/webhooks/qstash/failure",
    "upstash-label": "mig_01",
  })
  expect(Object.keys(request?.headers ?? {}).filter((name) => name.startsWith("upstash-telemetry"))).toEqual(
    [],
  )
})

test.for([
  ["free", undefined, 10],
  ["payg", undefined, 100],
  ["payg", "20", 20],
  ["free", "500", 10],
] as const)(
  "on the plan %s with %s reserved workers, %i deliveries run side by side",
  async ([plan, reserved, most]) => {
    const recorder = await startReceiver(() => ({ status: 201, body: '{"messageId":"msg_1"}' }))
    setEnvironment({ QSTASH_URL: recorder.url, QSTASH_PLAN: plan, WORKER_CONCURRENCY: reserved })
    await publish("parallel")
    expect(recorder.received[0]?.headers["upstash-flow-control-value"]).toBe(`parallelism=${most}`)
  },
)

test("the same deduplication id is delivered once", async () => {
  const receiver = await startReceiver()
  setEnvironment({ BASE_URL: receiver.url })
  const first = await publish("same")
  const second = await publish("same")
  await qstash.idle()
  expect(second.messageId).toBe(first.messageId)
  expect(receiver.received).toHaveLength(1)
})

test("errors that pass are tried again at once, and the message is there once", async () => {
  const receiver = await startReceiver()
  setEnvironment({ BASE_URL: receiver.url })
  qstash.faults.arm("publish-500", { times: 2 })
  await publish("passing")
  qstash.faults.arm("publish-cut")
  await publish("cut")
  qstash.faults.arm("publish-lose-response")
  await publish("lost answer")
  await qstash.idle()
  expect(receiver.received).toHaveLength(3)
})

test("a QStash that never answers is given up and asked again", async () => {
  qstash.faults.arm("publish-hang")
  await expect(publish("hanging")).resolves.toHaveProperty("messageId")
})

test("a used-up day is told with the time until it is over", async () => {
  qstash.faults.arm("publish-429-daily")
  const fault = await faultOf(publish("quota"))
  expect(fault).toMatchObject({ kind: "unavailable", code: "dispatch.quota", scope: "store" })
  expect(fault.message).toContain("QStash's messages of today are used up")
  expect(fault.retryAfterMs).toBeGreaterThan(0)
  expect(fault.retryAfterMs).toBeLessThanOrEqual(86_400_000)
})

test.for([
  ["in seconds", "90", 90_000],
  ["as seconds since 1970", String(Math.floor(Date.now() / 1000) + 600), 600_000],
  ["as milliseconds since 1970", String(Date.now() + 600_000), 600_000],
  ["not at all", "soon", 3_600_000],
] as const)("the reset of a quota may be given %s", async ([, reset, ms]) => {
  const limited = await startReceiver(() => ({
    status: 429,
    headers: { "RateLimit-Limit": "1000", "RateLimit-Remaining": "0", "RateLimit-Reset": reset },
    body: '{"error":"quota"}',
  }))
  setEnvironment({ QSTASH_URL: limited.url })
  const { retryAfterMs = 0 } = await faultOf(publish("reset"))
  expect(retryAfterMs).toBeLessThanOrEqual(ms)
  expect(retryAfterMs).toBeGreaterThan(ms - 30_000)
  expect(limited.received).toHaveLength(1)
})

test("a burst limit is waited out", async () => {
  const limited = await startReceiver((_, nth) =>
    nth === 1
      ? { status: 429, headers: { "Burst-RateLimit-Limit": "1", "Burst-RateLimit-Reset": "0" }, body: "{}" }
      : { status: 201, body: '{"messageId":"msg_2"}' },
  )
  setEnvironment({ QSTASH_URL: limited.url })
  expect(await publish("burst")).toEqual({ messageId: "msg_2" })
})

test("what a plan does not allow is told with QStash's own words, and not repeated", async () => {
  const refusing = await startReceiver(() => ({
    status: 412,
    body: '{"error":"parallelism above the plan"}',
  }))
  setEnvironment({ QSTASH_URL: refusing.url })
  const fault = await faultOf(publish("plan"))
  expect(fault).toMatchObject({ kind: "unavailable", code: "dispatch.plan" })
  expect(fault.message).toContain("parallelism above the plan")
  expect(fault.message).toContain("QSTASH_PLAN")
  expect(refusing.received).toHaveLength(1)
})

test("a wrong token is told by its setting's name, without its value", async () => {
  setEnvironment({ QSTASH_TOKEN: "wrong-token" })
  const fault = await faultOf(publish("token"))
  expect(fault).toMatchObject({ kind: "unavailable", code: "dispatch.unauthorized" })
  expect(fault.message).toContain("QSTASH_TOKEN is wrong")
  expect(fault.message).not.toContain("wrong-token")
})

test("an address that QStash refuses is told as such", async () => {
  const refusing = await startReceiver(() => ({
    status: 400,
    body: '{"error":"invalid destination url: endpoint resolves to a loopback address: ::1"}',
  }))
  setEnvironment({ QSTASH_URL: refusing.url })
  const { code, message: words } = await faultOf(publish("loopback"))
  expect([code, words]).toEqual([
    "dispatch.refused",
    "QStash refused the message; compare BASE_URL. It says: invalid destination url: endpoint resolves to a loopback address: ::1",
  ])
})

test("a QStash that can't be reached, or that answers nonsense, is unavailable", async () => {
  setEnvironment({ QSTASH_URL: `http://127.0.0.1:${await freePort()}` })
  expect(await faultOf(publish("away"))).toMatchObject({ kind: "unavailable", code: "dispatch.unreachable" })
  const nonsense = await startReceiver(() => ({ status: 200, body: '{"id":1}' }))
  setEnvironment({ QSTASH_URL: nonsense.url })
  expect(await faultOf(publish("nonsense"))).toMatchObject({ kind: "unavailable", code: "dispatch.answer" })
})

test("QSTASH_DEV alone changes nothing: the configured account is used", async () => {
  setEnvironment({ QSTASH_DEV: "true", QSTASH_DEV_PORT: String(await freePort()) })
  await expect(publish("dev")).resolves.toHaveProperty("messageId")
})

test("QSTASH_DEV in the local service means the development server, with its public credentials", async () => {
  const server = await startQStash({ port: 0 })
  setEnvironment({
    IMGMIGRATOR_LOCAL: "1",
    QSTASH_DEV: "1",
    QSTASH_DEV_PORT: String(server.port),
    QSTASH_TOKEN: undefined,
    QSTASH_URL: undefined,
  })
  await expect(publish("dev server")).resolves.toHaveProperty("messageId")
  await server.close()
})

test("each publish is logged with the message, the migration and the lane", async () => {
  const lines: string[] = []
  const spy = vi.spyOn(process.stderr, "write").mockImplementation((line) => lines.push(String(line)) > 0)
  const { messageId } = await publish("logged")
  spy.mockRestore()
  expect(lines.map((line) => JSON.parse(line))).toContainEqual(
    expect.objectContaining({
      level: "INFO",
      message: "published to QStash",
      message_id: messageId,
      migration_id: "mig_01",
      lane: 3,
    }),
  )
  expect(lines.join("")).not.toContain("secret-token")
})

test("with QSTASH_TOKEN QStash delivers, without it Celery, with neither there is a clear error", async () => {
  expect(describeDispatcher()).toEqual({ kind: "qstash", reason: "QSTASH_TOKEN is set." })
  setEnvironment({ CELERY_BROKER_URL: "redis://broker" })
  expect(describeDispatcher()).toEqual({
    kind: "qstash",
    reason: "QSTASH_TOKEN is set. CELERY_BROKER_URL is set too, and not used.",
  })
  expect(dispatcher().kind).toBe("qstash")
  setEnvironment({ QSTASH_TOKEN: "" })
  expect(describeDispatcher()).toMatchObject({
    kind: "celery",
    reason: "QSTASH_TOKEN is not set, CELERY_BROKER_URL is.",
  })
  expect(dispatcher().kind).toBe("celery")
  setEnvironment({ CELERY_BROKER_URL: " " })
  expect(describeDispatcher().kind).toBe("none")
  expect(() => dispatcher()).toThrow(/^QSTASH_TOKEN is not configured\. /)
})

test.for(["redis://broker", "amqps://broker"])(
  "with %s it is told where Celery is not as QStash",
  (broker) => {
    setEnvironment({ QSTASH_TOKEN: "", CELERY_BROKER_URL: broker })
    const subjects = describeDispatcher().notes?.map((note) => note.split(":")[0])
    expect(subjects?.join()).toBe("Deduplication,Delay,Retries,Failures,Deliveries at once,Durability")
  },
)

test("without BASE_URL the webhook's address is what is missing", async () => {
  setEnvironment({ BASE_URL: undefined })
  const fault = await faultOf(publish("no base"))
  expect(fault).toMatchObject({ kind: "unavailable", code: "settings.missing" })
  expect(fault.message).toMatch(/^Webhook URL is not configured\. Set BASE_URL/)
})

test.for(["worker.example.com", "ftp://x", "https://u:p@x", "https://x/?a", "https://x/#a", "/path"])(
  "%s is no BASE_URL",
  async (base) => {
    setEnvironment({ BASE_URL: base })
    const fault = await faultOf(publish("bad base"))
    expect(fault).toMatchObject({ kind: "unavailable", code: "settings.invalid" })
    expect(fault.message).toContain("BASE_URL")
  },
)
