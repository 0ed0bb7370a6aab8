import { request as httpRequest } from "node:http"
import { afterAll, beforeAll, expect, test } from "vitest"
import { routes as everyRoute, jobs } from "../../packages/functions/src/routes.ts"
import { type Gateway, type Route, startGateway } from "../../packages/local/src/gateway/gateway.ts"
import { contextOf, type Invocation } from "../../packages/local/src/gateway/invoke.ts"
import { loadHandler } from "../../packages/local/src/gateway/load.ts"

type TestRoute = Route & { readonly name: string }
const route = (name: string, method: string, path: string, access: Route["access"]): TestRoute => ({
  name,
  method,
  path,
  access,
})
const routes = [
  route("echo", "GET", "/things/{id}", "public"),
  route("echo", "GET", "/things/special", "public"),
  route("echo", "POST", "/things", "public"),
  route("reply", "POST", "/reply", "public"),
  route("echo", "GET", "/mine", "key"),
  route("fails", "GET", "/fails", "public"),
  route("fails", "POST", "/hook/fails", "qstash"),
  route("echo", "POST", "/hook/{any}", "qstash"),
]

let gateway: Gateway
beforeAll(async () => {
  const call = async (name: string, event: unknown, requestId: string): Promise<Invocation> => {
    const handler = `${new URL("./handlers.ts", import.meta.url)}#${name}`
    const context = contextOf({ handler, requestId, timeoutMs: 1_000, memoryMb: 128 })
    return (await loadHandler(handler))(event, context).then(
      (result) => ({ result }),
      () => ({ failed: "error" }),
    )
  }
  gateway = await startGateway({
    port: 0,
    host: "127.0.0.1",
    routes,
    invoke: ({ name }, event, requestId) => call(name, event, requestId),
    authorizer: (event, requestId) => call("authorizer", event, requestId),
  })
})
afterAll(() => gateway.close())

test.each([...everyRoute, ...jobs])("the function of $name is found by its handler", async ({ handler }) => {
  expect(await loadHandler(handler)).toBeTypeOf("function")
})

test("a handler that is not there is told by its name", async () => {
  const missing = "packages/functions/src/api/gone.handler"
  await expect(loadHandler(missing)).rejects.toThrow(`${missing} exports no function.`)
})

/** A request with exactly these bytes and headers: fetch would tidy both. */
function send(method: string, path: string, headers: [string, string][] = [], body?: Buffer | string) {
  return new Promise<{
    status: number
    headers: Record<string, string | string[] | undefined>
    text: string
  }>((resolve, reject) => {
    const request = httpRequest({ port: gateway.port, method, path, setDefaultHeaders: false })
    for (const [name, value] of [["Host", "me.example:80"], ...headers] as const)
      request.appendHeader(name, value)
    if (body !== undefined) request.setHeader("content-length", Buffer.byteLength(body))
    request.on("error", reject).on("response", async (response) => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk)
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        text: Buffer.concat(chunks).toString(),
      })
    })
    request.end(body)
  })
}
const event = async (...args: Parameters<typeof send>) => JSON.parse((await send(...args)).text)

test("a request becomes an HTTP API event of format 2.0", async () => {
  const got = await event("GET", "/things/a%20b?x=1&x=2&y=%2F&z", [
    ["X-Two", "a"],
    ["Accept", "text/html"],
    ["x-two", "b, c"],
    ["Cookie", "k=v; other=1"],
    ["Cookie", "third=3"],
    ["User-Agent", "tester"],
  ])
  expect(got).toMatchObject({
    version: "2.0",
    routeKey: "GET /things/{id}",
    rawPath: "/things/a b",
    rawQueryString: "x=1&x=2&y=%2F&z",
    queryStringParameters: { x: "1,2", y: "/", z: "" },
    pathParameters: { id: "a b" },
    cookies: ["k=v", "other=1", "third=3"],
    isBase64Encoded: false,
    requestContext: {
      domainName: "me.example:80",
      domainPrefix: "me",
      http: {
        method: "GET",
        path: "/things/a b",
        protocol: "HTTP/1.1",
        sourceIp: "127.0.0.1",
        userAgent: "tester",
      },
      routeKey: "GET /things/{id}",
      stage: "$default",
    },
  })
  expect(got.headers).toMatchObject({
    "x-two": "a,b, c",
    accept: "text/html",
    "x-forwarded-for": "127.0.0.1",
  })
  expect(got.headers).not.toHaveProperty("cookie")
  expect(got).not.toHaveProperty("body")
  expect(got.requestContext.time).toMatch(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/)
})

test("what a request does not have is left out of its event", async () => {
  const got = await event("POST", "/things")
  for (const absent of ["cookies", "queryStringParameters", "pathParameters", "body"])
    expect(got).not.toHaveProperty(absent)
})

test("a fixed path goes before one with a parameter", async () => {
  expect(await event("GET", "/things/special")).toMatchObject({ routeKey: "GET /things/special" })
})

test("an HTTP API decodes the path first, so an encoded slash makes another path and an encoded ? ends it", async () => {
  expect((await send("GET", "/things/a%2Fb")).status).toBe(404)
  expect(await event("GET", "/things/a%3Fb?q=1")).toMatchObject({
    rawPath: "/things/a",
    pathParameters: { id: "a" },
    rawQueryString: "q=1",
  })
})

test("a function URL keeps the path as it was sent and has no route key", async () => {
  const got = await event("POST", "/hook/a%20b?x=%20", [["Content-Type", "application/json"]], "{}")
  expect(got).toMatchObject({
    routeKey: "$default",
    rawPath: "/hook/a%20b",
    rawQueryString: "x=%20",
    body: "{}",
  })
  expect(got).not.toHaveProperty("pathParameters")
})

test.for([
  ["application/json", '{"ä":1}', false],
  ["text/plain; charset=utf-8", "grüße", false],
  ["application/problem+json", "{}", false],
  ["application/x-www-form-urlencoded", "a=b", false],
  ["image/jpeg", Buffer.from([0xff, 0xd8, 0, 1]), true],
  ["application/json", Buffer.from([0x22, 0xff, 0x22]), true],
] as const)("a body of %s keeps its bytes", async ([type, sent, base64]) => {
  const got = await event("POST", "/things", [["Content-Type", type]], Buffer.from(sent))
  expect(got.isBase64Encoded).toBe(base64)
  expect(Buffer.from(got.body, base64 ? "base64" : "utf8")).toEqual(Buffer.from(sent))
})

test("a body without a type or with a content encoding travels as base64", async () => {
  expect((await event("POST", "/things", [], "abc")).isBase64Encoded).toBe(true)
  const encoded: [string, string][] = [
    ["Content-Type", "application/json"],
    ["Content-Encoding", "gzip"],
  ]
  expect((await event("POST", "/things", encoded, "abc")).isBase64Encoded).toBe(true)
})

const replies = (result: unknown) =>
  send("POST", "/reply", [["Content-Type", "application/json"]], JSON.stringify(result))

test("an answer with a status code is taken at its word, each cookie a header of its own", async () => {
  const got = await replies({
    statusCode: 489,
    headers: { "Upstash-NonRetryable-Error": true, "Content-Type": "application/problem+json" },
    cookies: ["a=1; Path=/", "b=2"],
    body: "{}",
  })
  expect(got).toMatchObject({ status: 489, text: "{}" })
  expect(got.headers).toMatchObject({
    "upstash-nonretryable-error": "true",
    "content-type": "application/problem+json",
    "set-cookie": ["a=1; Path=/", "b=2"],
  })
})

test("an answer in base64 is decoded, an empty one may be a 204", async () => {
  expect((await replies({ statusCode: 200, isBase64Encoded: true, body: "aGk=" })).text).toBe("hi")
  expect(await replies({ statusCode: 204 })).toMatchObject({ status: 204, text: "" })
})

test("a result without a status code is the body of a 200", async () => {
  expect(await replies({ a: 1 })).toMatchObject({
    status: 200,
    text: '{"a":1}',
    headers: { "content-type": "application/json" },
  })
  expect(await replies("plain")).toMatchObject({ status: 200, text: "plain" })
})

test("a malformed answer and a failure are 500 behind an HTTP API and 502 at a function URL", async () => {
  const hidden = '{"message":"Internal Server Error"}'
  expect(await replies({ statusCode: 200, body: { not: "text" } })).toMatchObject({
    status: 500,
    text: hidden,
  })
  expect(await send("GET", "/fails")).toMatchObject({ status: 500, text: hidden })
  expect(await send("POST", "/hook/fails")).toMatchObject({ status: 502 })
})

test("unknown paths and methods are 404, a broken path encoding 400", async () => {
  expect(await send("GET", "/nowhere")).toMatchObject({ status: 404, text: '{"message":"Not Found"}' })
  expect(await send("DELETE", "/things")).toMatchObject({ status: 404 })
  expect(await send("GET", "/things/")).toMatchObject({ status: 404 })
  expect(await send("GET", "/things/%E0%A4%A")).toMatchObject({ status: 400 })
})

test.for([
  ["no header is 401", [], 401],
  ["a refused key is 403", [["Authorization", "Bearer bad"]], 403],
  ["an authorizer that fails is 500", [["Authorization", "Bearer breaks"]], 500],
] as [string, [string, string][], number][])("behind the authorizer, %s", async ([, headers, status]) => {
  expect((await send("GET", "/mine", headers)).status).toBe(status)
})

test("the authorizer's context reaches the handler, and nobody can bring their own", async () => {
  const got = await event("GET", "/mine", [["Authorization", "Bearer good"]])
  expect(got.requestContext.authorizer).toEqual({ lambda: { user_id: "u1" } })
  expect(
    (await event("GET", "/things/1", [["Authorization", "Bearer good"]])).requestContext,
  ).not.toHaveProperty("authorizer")
})

test("a body over 10 MB is 413, and one that Lambda would not take too", async () => {
  expect(
    (await send("POST", "/things", [["Content-Type", "text/plain"]], Buffer.alloc(10 * 2 ** 20 + 1, 97)))
      .status,
  ).toBe(413)
  expect(
    (await send("POST", "/things", [["Content-Type", "text/plain"]], Buffer.alloc(7 * 2 ** 20, 97))).status,
  ).toBe(413)
})

test("a taken port is refused, not shared", async () => {
  const again = startGateway({ ...never, port: gateway.port, host: "127.0.0.1" })
  await expect(again).rejects.toMatchObject({ code: "EADDRINUSE" })
})
const never = {
  routes: [] as TestRoute[],
  invoke: async (): Promise<Invocation> => ({ failed: "error" }),
  authorizer: async (): Promise<Invocation> => ({ failed: "error" }),
}
