import { randomUUID } from "node:crypto"
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { log } from "@imgmigrator/functions/log"
import type { APIGatewayProxyEventV2 } from "aws-lambda"
import { type Answer, maxPayloadBytes, says, toAnswer } from "./answer.ts"
import { authorize } from "./authorize.ts"
import { toEvent } from "./event.ts"
import type { Invocation } from "./invoke.ts"
import { decodedPath, match } from "./match.ts"
import { type Request, receive } from "./request.ts"

export type Route = {
  readonly method: string
  readonly path: string
  readonly access: "key" | "public" | "qstash"
}

export type GatewayOptions<Each extends Route> = {
  readonly port: number
  readonly host: string
  readonly routes: readonly Each[]
  /** Call a route's function. `gone` is aborted when the client hangs up. */
  invoke(route: Each, event: unknown, requestId: string, gone: AbortSignal): Promise<Invocation>
  /** Call the authorizer in front of the routes with access `key`. */
  authorizer(event: unknown, requestId: string): Promise<Invocation>
}

export type Gateway = { readonly url: string; readonly port: number; close(graceMs?: number): Promise<void> }

/**
 * API Gateway and the worker's function URL on this machine: routes with access `qstash` get events and errors as a
 * function URL gives them, the others as an HTTP API does. Rejects where the port is taken.
 */
export async function startGateway<Each extends Route>(options: GatewayOptions<Each>): Promise<Gateway> {
  const server = createServer((message, response) => {
    const requestId = randomUUID()
    const gone = new AbortController()
    response.on("close", () => gone.abort())
    receive(message)
      .then((request) => (request ? answer(options, request, requestId, gone.signal) : tooLarge))
      .catch((error: unknown) => {
        log.error("request failed", { error })
        return says(500, "Internal Server Error")
      })
      .then((reply) => send(response, reply, requestId))
  })
  // Longer than our clients keep an idle connection, else they write into one that is being closed.
  server.keepAliveTimeout = 65_000
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(options.port, options.host, resolve)
  })
  const { port, address, family } = server.address() as AddressInfo // a TCP server has no other kind of address
  const host =
    { "0.0.0.0": "127.0.0.1", "::": "[::1]" }[address] ?? (family === "IPv6" ? `[${address}]` : address)
  return {
    url: `http://${host}:${port}`,
    port,
    close: (graceMs = 2_000) =>
      new Promise((resolve) => {
        // Nothing new from here on; whoever keeps a connection busy for longer than this is cut off.
        const timer = setTimeout(() => server.closeAllConnections(), graceMs)
        server.close(() => {
          clearTimeout(timer)
          resolve()
        })
        server.closeIdleConnections()
      }),
  }
}

const tooLarge = says(413, "Request Entity Too Large", [["connection", "close"]])
const notFound = says(404, "Not Found")

async function answer<Each extends Route>(
  { routes, invoke, authorizer }: GatewayOptions<Each>,
  request: Request,
  requestId: string,
  gone: AbortSignal,
): Promise<Answer> {
  const path = decodedPath(request.target)
  if (path === undefined) return says(400, "Bad Request")
  const found = match(routes, request.method, path)
  if (!found) return notFound
  const { route, pathParameters } = found
  const kind = route.access === "qstash" ? "function-url" : "http-api"
  const rawPath = kind === "http-api" ? path : (request.target.split("?", 1)[0] ?? "/")
  const door = {
    kind,
    rawPath,
    routeKey: `${route.method} ${route.path}`,
    pathParameters,
    requestId,
    at: Date.now(),
  } as const
  const event = toEvent(request, door)
  if (Buffer.byteLength(event.body ?? "") > maxPayloadBytes) return tooLarge
  const run = async (authorized: APIGatewayProxyEventV2) =>
    outcome(await invoke(route, authorized, requestId, gone), kind)
  if (route.access !== "key") return run(event)
  const verdict = await authorize(event, (asked) => authorizer(asked, requestId))
  return "refused" in verdict ? verdict.refused : run(verdict.event)
}

/** An HTTP API hides a failed function behind 500 and a late one behind 503; a function URL says 502 of both. */
function outcome(invocation: Invocation, kind: "http-api" | "function-url"): Answer {
  if ("result" in invocation) return toAnswer(invocation.result) ?? outcome({ failed: "error" }, kind)
  if (invocation.failed === "busy")
    return says(503, "Service Unavailable", [["retry-after", String(invocation.retryAfterSeconds)]])
  if (kind === "function-url") return says(502, "Internal Server Error")
  return invocation.failed === "timed out"
    ? says(503, "Service Unavailable")
    : says(500, "Internal Server Error")
}

function send(response: ServerResponse, { status, headers, body }: Answer, requestId: string): void {
  if (response.destroyed) return
  for (const [name, value] of headers) response.appendHeader(name, value)
  response.setHeader("apigw-requestid", requestId)
  if (status !== 204 && status !== 304) response.setHeader("content-length", body.length)
  response.writeHead(status).end(body)
}
