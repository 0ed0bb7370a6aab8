import { Agent, request } from "node:http"
import { connect } from "node:net"
import fc from "fast-check"
import { expect, onTestFinished, test } from "vitest"
import { addresses } from "../support/addresses.ts"
import { startWorld, type World } from "./support/world.ts"

const known = [200, 201, 202, 400, 401, 403, 404, 405, 412, 429]

/** Words that stand for something in the API, and some that do not. */
const word = fc.oneof(
  fc.constantFrom(
    "",
    "a",
    "q1",
    "%",
    "%2F",
    "%00",
    "..",
    ".",
    "a b",
    "msg_1",
    "0-0",
    "retry",
    "pause",
    "__proto__",
    "💥",
    "-1",
    "1e9",
  ),
  fc.string({ maxLength: 12 }),
)
const destination = fc.oneof(
  fc.constantFrom(
    "http://127.0.0.1:1/x",
    "https://[::1]:1",
    "http://",
    "http://x:99999",
    "http:///",
    "https:/a.test",
    "group",
    "",
  ),
  addresses(["http", "https"], ["a", "b c", ""]),
  word,
)
const value = fc.oneof(
  word,
  fc.constantFrom(
    "10s",
    "1d2h",
    "99999d",
    "true",
    "0",
    "3",
    "1000",
    "pow(2",
    "parallelism=1",
    "rate=0",
    "* * * * *",
    "body",
    "a:b",
  ),
)
const optionName = fc.constantFrom(
  "method",
  "delay",
  "not-before",
  "retries",
  "retry-delay",
  "timeout",
  "callback",
  "failure-callback",
  "callback-delay",
  "label",
  "callback-retries",
  "deduplication-id",
  "content-based-deduplication",
  "flow-control-key",
  "flow-control-value",
  "redact-fields",
  "forward-x",
  "forward-",
  "forward-content-length",
  "header-forward",
  "cron",
  "schedule-id",
  "queue-name",
  "nonsense",
)
const printable = (text: string) => text.replace(/[^\t\x20-\x7e\x80-\xff]/g, "?").trim()
const options = fc
  .array(
    fc.tuple(
      optionName.map((name) => `upstash-${name}`),
      value.map(printable),
    ),
    { maxLength: 4 },
  )
  .map((pairs): Record<string, string> => Object.fromEntries(pairs))
const query = fc
  .array(
    fc.tuple(
      fc.oneof(
        word,
        optionName,
        fc.constantFrom("count", "cursor", "state", "label", "order", "fromDate", "dlqIds", "async"),
      ),
      value,
    ),
  )
  .map((pairs) =>
    pairs
      .map(([name, text]) => `${encodeURI(name.toWellFormed())}=${encodeURI(text.toWellFormed())}`)
      .join("&"),
  )
const json = fc.oneof(
  fc.json(),
  fc
    .array(
      fc.record({ destination, body: fc.anything(), headers: options, queue: word }, { requiredKeys: [] }),
      { maxLength: 3 },
    )
    .map(safeJson),
  fc
    .record({ queueName: word, parallelism: fc.anything(), paused: fc.boolean() }, { requiredKeys: [] })
    .map(safeJson),
  fc
    .record({ endpoints: fc.array(fc.record({ name: word, url: destination }, { requiredKeys: [] })) })
    .map(safeJson),
  fc
    .record(
      { messageIds: fc.anything(), dlqIds: fc.anything(), headers: fc.anything() },
      { requiredKeys: [] },
    )
    .map(safeJson),
  fc.record({ kind: fc.constantFrom("x", "__proto__"), match: fc.anything() }).map(safeJson),
)
const body = fc.oneof(
  fc.constant(Buffer.alloc(0)),
  json.map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
)

/** JSON of anything: what JSON cannot hold becomes a word. */
function safeJson(given: unknown): string {
  try {
    return (
      JSON.stringify(given, (_, each: unknown) => (typeof each === "bigint" ? String(each) : each)) ?? "null"
    )
  } catch {
    return "{}"
  }
}

const places = [
  "publish",
  "enqueue",
  "batch",
  "messages",
  "bulkActions",
  "dlq",
  "queues",
  "schedules",
  "topics",
  "events",
  "logs",
  "keys",
]
const path = fc
  .tuple(
    fc.constantFrom("/v2", "/v2", "/v2", "/local", "", "/"),
    fc.constantFrom(
      ...places,
      "flowControl",
      "globalParallelism",
      "workflows/runs",
      "faults",
      "clock",
      "nothing",
    ),
    fc.array(fc.oneof(word, destination), { maxLength: 3 }),
    query,
  )
  .map(
    ([base, place, rest, search]) =>
      `${base}/${[place, ...rest].map(onTheWire).join("/")}${search && `?${search}`}` || "/",
  )

/** As it may stand in a request line: no spaces, no controls, bytes only. */
const onTheWire = (text: string) =>
  text.toWellFormed().replace(/[^\x21-\x7e]/gu, (each) => encodeURIComponent(each))

/** Routes that exist; what stands in braces is filled in. */
const route = fc.constantFrom(
  "POST publish/{destination}",
  "POST publish/{destination}",
  "POST enqueue/{word}/{destination}",
  "POST batch",
  "POST batch",
  "GET messages/{word}",
  "DELETE messages/{word}",
  "DELETE messages",
  "GET bulkActions",
  "GET dlq",
  "DELETE dlq",
  "GET dlq/{word}",
  "DELETE dlq/{word}",
  "POST dlq/retry",
  "POST dlq/retry/{word}",
  "POST queues",
  "GET queues",
  "GET queues/{word}",
  "DELETE queues/{word}",
  "POST queues/{word}/pause",
  "POST schedules/{destination}",
  "GET schedules",
  "PATCH schedules/{word}/pause",
  "DELETE schedules/{word}",
  "GET topics",
  "POST topics/{word}/endpoints",
  "DELETE topics/{word}/endpoints",
  "PATCH topics/{word}",
  "GET events",
  "GET logs",
  "POST keys/rotate",
  "GET flowControl",
  "GET flowControl/{word}",
  "POST flowControl/{word}/pin",
  "POST flowControl/{word}/unpin",
  "POST flowControl/{word}/pause",
  "GET globalParallelism",
  "DELETE workflows/runs/{word}",
)
const wellAimed = fc
  .tuple(route, destination, word, query, options, body)
  .map(([line, where, name, search, headers, bytes]) => {
    const [method = "", template = ""] = line.split(" ")
    const filled = template
      .replace("{destination}", () => where)
      .replace("{word}", () => encodeURIComponent(name.toWellFormed()))
    return { method, path: onTheWire(`/v2/${filled}${search && `?${search}`}`), headers, body: bytes }
  })

const anyRequest = fc.oneof(
  { weight: 3, arbitrary: wellAimed },
  {
    weight: 1,
    arbitrary: fc.record({
      method: fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "PURGE"),
      path,
      headers: options,
      body,
    }),
  },
)

type Asked = { method: string; path: string; headers: Record<string, string>; body: Buffer }

function send(
  { qstash }: World,
  agent: Agent,
  { method, path, headers, body }: Asked,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const all = { authorization: `Bearer ${qstash.token}`, ...headers, "content-length": String(body.length) }
    const call = request(
      { host: "127.0.0.1", port: qstash.port, method, path, headers: all, agent },
      async (response) => {
        let text = ""
        for await (const part of response) text += part
        resolve({ status: response.statusCode ?? 0, text })
      },
    )
    call.on("error", reject)
    call.end(body)
  })
}

const isFine = (status: number, asked: Asked | undefined) => status < 400 || asked?.method === "HEAD"

function isError(text: string): boolean {
  const parsed: unknown = JSON.parse(text)
  const entries = typeof parsed === "object" && parsed !== null ? Object.entries(parsed) : []
  return entries.length === 1 && entries.every(([name, value]) => name === "error" && /./.test(String(value)))
}

/** A world whose messages for other machines are dropped: no test asks the network for a name. */
async function closedWorld() {
  const world = await startWorld({ quota: "fixed-1m" })
  const isElsewhere = ({ url }: { url: string }) => !/^https?:\/\/(127\.0\.0\.1|\[::1\])/.test(url)
  world.qstash.faults.arm("drop", { times: Number.POSITIVE_INFINITY, when: isElsewhere })
  return world
}

test("10,000 requests of every kind get a documented status, errors have a message, and the server goes on", async () => {
  const world = await closedWorld()
  const agent = new Agent({ keepAlive: true, maxSockets: 10 })
  onTestFinished(() => agent.destroy())
  const seen = new Map<number, number>()
  await fc.assert(
    fc.asyncProperty(fc.array(anyRequest, { minLength: 10, maxLength: 10 }), async (requests) => {
      const answers = await Promise.all(requests.map((each) => send(world, agent, each)))
      for (const [at, { status, text }] of answers.entries()) {
        seen.set(status, (seen.get(status) ?? 0) + 1)
        // The message is made for a failure only: bodies and answers are long.
        if (!known.includes(status) || !(isFine(status, requests[at]) || isError(text)))
          expect.fail(JSON.stringify({ ...requests[at], status, text }))
      }
    }),
    { numRuns: 1000, endOnFailure: true },
  )
  expect([...seen.values()].reduce((sum, count) => sum + count)).toBe(10_000)
  for (const status of [200, 201, 202, 400, 404, 405])
    expect(seen.get(status), `answers with ${status}`).toBeGreaterThan(0)
  await world.client.publish({ url: world.receiver.url, body: "still here" })
  await world.clock.advance(0)
  expect(world.receiver.deliveries.map(({ body }) => String(body))).toContain("still here")
})

test("bytes that are no HTTP are answered with an error, or not at all", async () => {
  const world = await startWorld()
  const garbage = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc
      .string({ maxLength: 50 })
      .map((text) => Buffer.from(`GET /v2/${text} HTTP/1.1\r\nHost: localhost\r\n${text}\r\n\r\n`)),
    fc.constant(Buffer.from(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(200_000)}\r\n\r\n`)),
    fc.constant(Buffer.from("POST /v2/batch HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n[]")),
    fc.constant(Buffer.from("POST /v2/batch HTTP/1.1\r\nContent-Length: 99\r\n\r\n[")),
    fc.constant(Buffer.from("POST /v2/batch HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")),
  )
  await fc.assert(
    fc.asyncProperty(garbage, async (bytes) => {
      const answer = await exchange(world.qstash.port, bytes)
      if (answer !== "") expect(answer).toMatch(/^HTTP\/1\.1 (4\d\d|2\d\d) /)
    }),
    { numRuns: 300 },
  )
  expect((await world.call("GET", "/v2/keys")).status).toBe(200)
})

/** Sends bytes, closes its side, and returns all that comes back. */
function exchange(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    let text = ""
    const socket = connect(port, "127.0.0.1", () => socket.end(bytes))
    socket.on("data", (part) => {
      text += part
    })
    socket.on("error", () => undefined)
    socket.on("close", () => resolve(text))
  })
}
