import { Fault } from "@imgmigrator/core/fault"
import { beforeEach, expect, test, vi } from "vitest"
import { type Delivered, delivery, type Outcome } from "../../packages/functions/src/middleware/delivery.ts"
import { setEnvironment } from "./support/environment.ts"
import { type Asked, call, context, event } from "./support/event.ts"
import { sign } from "./support/sign.ts"

const url = "https://worker.example.com/api/v1/webhooks/qstash"
const path = "/api/v1/webhooks/qstash"

beforeEach(() => {
  setEnvironment({
    QSTASH_CURRENT_SIGNING_KEY: "sig_current",
    QSTASH_NEXT_SIGNING_KEY: undefined,
    BASE_URL: "https://worker.example.com",
    QSTASH_DEV: undefined,
    IMGMIGRATOR_LOCAL: undefined,
  })
  vi.spyOn(process.stderr, "write").mockReturnValue(true)
})

const signed = (
  body: string | Buffer,
  more: Asked & { retried?: number; key?: string; to?: string } = {},
): Asked => ({
  method: "POST",
  path,
  body,
  ...more,
  headers: {
    "upstash-message-id": "msg_1",
    "upstash-retried": String(more.retried ?? 0),
    "upstash-signature": sign({
      body,
      url: more.to ?? url,
      key: more.key ?? "sig_current",
      now: Math.floor(Date.now() / 1000),
    }),
    ...more.headers,
  },
})

const payload = '{"migration_id":123,"user_id":1}'
const answering = (outcome: Outcome) => delivery(async () => outcome)
const throwing = (error: unknown) =>
  delivery(async () => {
    throw error
  })

test("the guide's payload arrives as strings, with the message's id, how often it came, and a deadline", async () => {
  const seen: [payload: unknown, delivered: Delivered][] = []
  const handler = delivery(async (...each) => {
    seen.push(each)
    return { outcome: "done" }
  })
  const before = Date.now()
  const answer = await handler(event(signed(payload, { retried: 2 })), context(29_000))
  expect(answer.statusCode).toBe(200)
  const [[given, delivered] = []] = seen
  expect(given).toEqual({ migration_id: "123", user_id: "1" })
  expect(delivered).toMatchObject({ retried: 2, messageId: "msg_1" })
  expect(delivered?.deadline).toBeGreaterThanOrEqual(before + 24_000)
  expect(delivered?.deadline).toBeLessThanOrEqual(Date.now() + 24_000)
})

test("trap 25: a delivery never takes longer than two minutes, however long the function may", async () => {
  let deadline = 0
  const handler = delivery(async (_, delivered) => {
    deadline = delivered.deadline
    return { outcome: "done" }
  })
  await handler(event(signed(payload)), context(900_000))
  expect(deadline).toBeLessThanOrEqual(Date.now() + 120_000)
  expect(deadline).toBeGreaterThan(Date.now() + 110_000)
})

test("bytes that come as base64 are verified as the bytes that they are", async () => {
  const body = Buffer.from('{ "migration_id": 123, "user_id": 1, "note": "ü" }')
  expect((await call(answering({ outcome: "done" }), signed(body))).status).toBe(200)
})

test("done is 200", async () => {
  expect(await call(answering({ outcome: "done" }), signed(payload))).toMatchObject({
    status: 200,
    body: { outcome: "done" },
  })
})

test("trap 14: busy is 200 for a first delivery, a duplicate, and 503 for one that was tried before", async () => {
  const busy = answering({ outcome: "busy", retryAfterSeconds: 20 })
  expect((await call(busy, signed(payload))).status).toBe(200)
  const { status, headers } = await call(busy, signed(payload, { retried: 1 }))
  expect(status).toBe(503)
  expect(Number(headers["retry-after"])).toBeGreaterThanOrEqual(20)
  expect(Number(headers["retry-after"])).toBeLessThanOrEqual(30)
})

test("again is 503 with a jittered Retry-After", async () => {
  const waits = new Set<unknown>()
  for (let i = 0; i < 20; i++) {
    const answer = await call(answering({ outcome: "again", retryAfterSeconds: 100 }), signed(payload))
    expect(answer.status).toBe(503)
    waits.add(answer.headers["retry-after"])
  }
  expect(waits.size).toBeGreaterThan(3)
})

test.for([
  ["stale", 503],
  ["corrupt", 503],
  ["unavailable", 503],
  ["invalid", 489],
  ["denied", 489],
  ["missing", 489],
  ["conflict", 489],
  ["too_large", 489],
] as const)("a fault that is %s is answered %i", async ([kind, status]) => {
  const answer = await call(throwing(new Fault(kind, "x.y", "words")), signed(payload))
  expect(answer).toMatchObject({ status, body: { detail: "words", type: "/problems/x.y" } })
  expect(answer.headers["upstash-nonretryable-error"]).toBe(status === 489 ? "true" : undefined)
  expect(answer.headers["retry-after"] === undefined).toBe(status === 489)
})

test("what the other side asks for is what QStash is asked to wait", async () => {
  const answer = await call(
    throwing(new Fault("unavailable", "dispatch.quota", "used up", { retryAfterMs: 3_600_000 })),
    signed(payload),
  )
  expect(Number(answer.headers["retry-after"])).toBeGreaterThanOrEqual(3_600)
})

test("a bug is 503, logged as an error with the ids, and tells nothing outside", async () => {
  const lines = vi.spyOn(process.stderr, "write").mockReturnValue(true)
  const answer = await call(throwing(new TypeError("x.secret is not a function")), signed(payload))
  expect(answer.status).toBe(503)
  expect(JSON.stringify(answer)).not.toContain("secret")
  const logged = lines.mock.calls.map(([line]) => JSON.parse(String(line)))
  expect(logged).toContainEqual(
    expect.objectContaining({
      level: "ERROR",
      message: "delivery failed",
      instance: answer.body.instance,
      message_id: "msg_1",
      migration_id: "123",
      user_id: "1",
    }),
  )
})

test.for([
  ["no signature", { headers: { "upstash-signature": "" } }],
  ["another key", { key: "sig_other" }],
  ["another address", { to: "https://worker.example.com/api/v1/webhooks/qstash/failure" }],
  ["the address by another name of the host", { to: "https://api.example.com/api/v1/webhooks/qstash" }],
  [
    "the address that the Host header names",
    { domainName: "evil.example", to: `https://evil.example${path}` },
  ],
] as const)("a delivery with %s is 401 and nothing is done", async ([, more]) => {
  const run = vi.fn(async () => ({ outcome: "done" }) as const)
  const answer = await call(delivery(run), signed(payload, more))
  expect(answer).toMatchObject({ status: 401, body: { type: "/problems/delivery.signature" } })
  expect(answer.body.detail).toMatch(/^Invalid signature: /)
  expect(run).not.toHaveBeenCalled()
})

test.for([
  ["no JSON", "hello"],
  ["no object", "[]"],
  ["without ids", "{}"],
  ["with a fraction for an id", '{"migration_id":1.5,"user_id":1}'],
  ["with an id that is no name", '{"migration_id":"a/b","user_id":1}'],
  ["with a user that would be part of a key", '{"migration_id":1,"user_id":"a#b"}'],
  ["with a lane that is none", '{"migration_id":1,"user_id":1,"lane":-1}'],
] as const)("a signed payload %s is 489: the same again would fail again", async ([, body]) => {
  const answer = await call(answering({ outcome: "done" }), signed(body))
  expect(answer.status).toBe(489)
  expect(answer.headers["upstash-nonretryable-error"]).toBe("true")
})

test("a body over the limit is refused before it is hashed", async () => {
  const answer = await call(answering({ outcome: "done" }), { ...signed("x"), body: "x".repeat(70_000) })
  expect(answer).toMatchObject({ status: 489, body: { type: "/problems/request.too_large" } })
})

test("without a signing key a delivery waits until there is one", async () => {
  setEnvironment({ QSTASH_CURRENT_SIGNING_KEY: "" })
  const answer = await call(answering({ outcome: "done" }), signed(payload))
  expect(answer.status).toBe(503)
  expect(answer.body.detail).toContain("QSTASH_CURRENT_SIGNING_KEY is not configured")
})

test("a function that runs out of time answers 503 before it is cut off", async () => {
  const stuck = delivery(() => new Promise(() => {}))
  const answer = await stuck(event(signed(payload)), context(500))
  expect(answer.statusCode).toBe(503)
})
