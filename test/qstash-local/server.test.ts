import { connect } from "node:net"
import { Client } from "@upstash/qstash"
import { startQStash } from "qstash-local"
import { expect, onTestFinished, test } from "vitest"
import { rawCall } from "./support/raw-call.ts"
import { startWorld } from "./support/world.ts"

test.for(["0.0.0.0", "::", "192.168.1.1", "example.com", ""])(
  "listening on %j is refused: the credentials are public",
  async (host) => {
    await expect(startQStash({ port: 0, host })).rejects.toThrow("loopback")
  },
)

test("a port that is in use is an error", async () => {
  const { qstash } = await startWorld()
  await expect(startQStash({ port: qstash.port })).rejects.toMatchObject({ code: "EADDRINUSE" })
})

test.for([
  [{ host: "evil.test" }, 403],
  [{ host: "127.0.0.1.evil.test" }, 403],
  [{ origin: "https://evil.test" }, 403],
  [{ origin: "null" }, 403],
  [{ host: "localhost:1234" }, 200],
  [{ host: "qstash.localhost" }, 200],
  [{ host: "[::1]:8080" }, 200],
] as const)(
  "a request with %j is answered with %i: a web page must not reach the server",
  async ([headers, status]) => {
    const { call } = await startWorld()
    expect((await call("GET", "/v2/keys", headers)).status).toBe(status)
  },
)

test("unknown paths are a 404, known ones with another method a 405", async () => {
  const { call } = await startWorld()
  expect(await call("GET", "/v2/nothing")).toMatchObject({
    status: 404,
    body: { error: "path /v2/nothing not found" },
  })
  expect(await call("PUT", "/v2/batch")).toMatchObject({ status: 405, body: { error: "method not allowed" } })
  expect(await call("GET", "/v2/queues/q/pause")).toMatchObject({ status: 405 })
})

test.for([
  "GET /v2/queues",
  "GET /v2/schedules",
  "GET /v2/topics",
  "GET /v2/messages/msg_1",
  "DELETE /v2/messages",
  "GET /v2/dlq",
  "DELETE /v2/dlq",
  "POST /v2/dlq/retry",
  "POST /v2/dlq/retry/1-0",
  "GET /v2/events",
  "GET /v2/logs",
  "GET /v2/bulkActions",
  "GET /v2/flowControl",
  "POST /v2/flowControl/key/pin",
  "POST /v2/flowControl/key/pause",
  "GET /v2/globalParallelism",
  "GET /v2/keys",
  "GET /local/messages",
])("a filter that %s does not know is refused", async (route) => {
  const { call } = await startWorld()
  const [method = "", path = ""] = route.split(" ")
  expect(await call(method, `${path}?lable=red`)).toMatchObject({
    status: 400,
    body: { error: "unknown query parameter: lable" },
  })
})

test("the free plan has 100 management requests a second, and no such limit on publishing", async () => {
  const { client, call, clock, receiver } = await startWorld({ quota: "free" })
  for (let n = 0; n < 100; n++) await call("GET", "/v2/keys")
  await expect(client.queue().list()).rejects.toMatchObject({
    name: "QstashRatelimitError",
    limit: "100",
    remaining: "0",
    reset: String(Math.floor(clock.now() / 1000) + 1),
  })
  await client.publish({ url: receiver.url, body: "" })
  await clock.advance("1s")
  expect(await client.queue().list()).toEqual([])
})

test("a limit of the plan is told as a 412", async () => {
  const { client, receiver } = await startWorld({ quota: "free" })
  const publish = (more: { delay?: "8d"; notBefore?: number; timeout?: "16m"; retries?: number }) =>
    client.publish({ url: receiver.url, body: "", ...more })
  await expect(publish({ delay: "8d" })).rejects.toMatchObject({ status: 412 })
  await expect(publish({ notBefore: Math.floor(Date.now() / 1000) + 8 * 86_400 })).rejects.toMatchObject({
    status: 412,
  })
  await expect(publish({ timeout: "16m" })).rejects.toMatchObject({ status: 412 })
  await expect(publish({ retries: 1000 })).rejects.toMatchObject({ status: 412 })
})

test("a request body beyond 100 MB is refused before it has arrived", async () => {
  const { qstash } = await startWorld()
  const socket = connect(qstash.port, "127.0.0.1")
  onTestFinished(() => void socket.destroy())
  socket.on("error", () => undefined)
  socket.write(
    `POST /v2/batch HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${qstash.token}\r\nTransfer-Encoding: chunked\r\n\r\n`,
  )
  const chunk = `${(8 * 1024 * 1024).toString(16)}\r\n${"x".repeat(8 * 1024 * 1024)}\r\n`
  let answer = ""
  socket.on("data", (part) => {
    answer += part
  })
  while (answer === "" && !socket.destroyed) {
    if (!socket.write(chunk)) await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(answer).toContain("412 Precondition Failed")
})

test("QSTASH_DEV alone makes the SDK use a server on its port", async () => {
  const { qstash, receiver, clock } = await startWorld()
  const before = { ...process.env }
  onTestFinished(() => {
    process.env = before
  })
  process.env = { ...before, QSTASH_DEV: "true", QSTASH_DEV_PORT: String(qstash.port) }
  await new Client().publish({ url: receiver.url, body: "dev" })
  await clock.advance(0)
  expect(receiver.deliveries).toMatchObject([{ body: Buffer.from("dev") }])
})

test("the switches of faults can be set over HTTP", async () => {
  const { call, client, clock, receiver } = await startWorld()
  const arm = (fault: unknown) => call("POST", "/local/faults", {}, JSON.stringify(fault))
  expect((await arm({ kind: "drop", times: -1, match: { urlContains: "/lost" } })).status).toBe(201)
  expect((await arm({ kind: "delay", delayMs: 500, match: { label: "late" } })).status).toBe(201)
  expect((await call("GET", "/local/faults")).body).toEqual([
    { kind: "drop", left: -1 },
    { kind: "delay", left: 1, delayMs: 500 },
  ])
  for (const [path, label] of [
    ["/lost/1", "late"],
    ["/kept", "x"],
    ["/kept/late", "late"],
  ] as const)
    await client.publish({ url: `${receiver.url}${path}`, body: "", label })
  await clock.advance(0)
  expect(receiver.paths()).toEqual(["/kept"])
  await clock.advance("500ms")
  expect(receiver.paths()).toEqual(["/kept", "/kept/late"])
  expect((await call("DELETE", "/local/faults")).status).toBe(200)
  expect((await call("GET", "/local/faults")).body).toEqual([])
  for (const wrong of [
    {},
    { kind: "x" },
    { kind: "drop", times: 0 },
    { kind: "drop", match: { colour: "red" } },
    { kind: "delay", delayMs: -1 },
    [],
  ])
    expect((await arm(wrong)).status).toBe(400)
})

test("the clock can be read and, if it is virtual, moved over HTTP", async () => {
  const { call, client, clock, receiver } = await startWorld()
  await client.publish({ url: receiver.url, body: "", delay: 60 })
  const moved = await call("POST", "/local/clock/advance?by=1m")
  expect(moved).toMatchObject({ status: 200, body: { now: clock.now(), virtual: true } })
  expect(receiver.deliveries).toHaveLength(1)
  expect((await call("POST", "/local/clock/advance?by=soon")).status).toBe(400)
  const real = await startQStash({ port: 0 })
  onTestFinished(() => real.close())
  const headers = { authorization: `Bearer ${real.token}` }
  expect((await rawCall(real.port, "POST", "/local/clock/advance?by=1m", headers)).status).toBe(400)
  expect((await rawCall(real.port, "GET", "/local/clock", headers)).body).toMatchObject({ virtual: false })
})

test("with the machine's clock a delayed message comes by itself", async () => {
  const { receiver } = await startWorld()
  const real = await startQStash({ port: 0 })
  onTestFinished(() => real.close())
  const client = new Client({ baseUrl: real.url, token: real.token, devMode: false })
  const published = Date.now()
  await client.publish({ url: receiver.url, body: "", delay: 1 })
  while (receiver.deliveries.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(Date.now() - published).toBeGreaterThanOrEqual(990)
  await real.idle()
  expect(real.stats()).toMatchObject({ delivered: 1, pending: 0 })
})

test("the log tells each event of a message", async () => {
  const lines: Readonly<Record<string, unknown>>[] = []
  const { client, clock, receiver } = await startWorld({ log: (line) => lines.push(line) })
  receiver.answer((_, nth) => (nth === 1 ? "cut" : {}))
  const { messageId } = await client.publish({ url: receiver.url, body: "secret" })
  await clock.advance("12s")
  expect(lines.map(({ event }) => event)).toEqual([
    "created",
    "active",
    "error",
    "retry",
    "active",
    "delivered",
  ])
  expect(lines.at(-1)).toMatchObject({ messageId, status: 200, retried: 1, url: receiver.url })
  expect(lines[2]).toMatchObject({ error: expect.any(String), next: expect.any(String) })
  expect(JSON.stringify(lines)).not.toContain("secret")
})
