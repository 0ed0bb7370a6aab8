import { createServer, type IncomingMessage, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import { route } from "../api/router.ts"
import type { Account } from "../engine/account.ts"
import { isPage, page } from "../page.ts"
import { type Call, type Reply, read, write } from "./exchange.ts"
import { first } from "./headers.ts"
import { isRefusal, overLimit, refuse } from "./problem.ts"

/** Source: Upstash changelog, December 2024: up to 100 MB for a batch. */
const maxBodyBytes = 100 * 1024 * 1024
const maxHeaderBytes = 128 * 1024

/** Listens for the API. Only loopback addresses are allowed: the credentials are public. */
export async function listen(
  account: Account,
  host: string,
  port: number,
): Promise<{ server: Server; address: AddressInfo }> {
  if (!/^(?:127(?:\.\d{1,3}){3}|::1|localhost)$/.test(host))
    throw new RangeError(`qstash-local listens on loopback addresses only, not on ${host}`)
  const server = createServer(
    { maxHeaderSize: maxHeaderBytes, requireHostHeader: false },
    async (request, response) => {
      // Who moves the clock is not what the clock waits for.
      const done = request.url?.startsWith("/local/") ? () => undefined : account.activity.begin()
      response.once("close", done)
      const reply = await answer(account, request).catch(refusal)
      if (reply.unanswered === "hang") done()
      write(response, reply)
    },
  )
  server.requestTimeout = 0
  // Longer than clients keep idle connections, lest one uses a connection that is just being closed.
  server.keepAliveTimeout = 65_000
  server.on("clientError", refuseGarbage)
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, host, () => {
      server.off("error", reject)
      resolve()
    })
  })
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("not listening on a port")
  return { server, address }
}

async function answer(account: Account, request: IncomingMessage): Promise<Reply> {
  const call = await read(request, maxBodyBytes)
  if (!call) throw overLimit(`request body exceeds ${maxBodyBytes} bytes`)
  if (!isLocal(call)) throw refuse(403, "requests from other sites are refused")
  if (isPage(call.method, call.target.path)) return page(call.target.path, account.token)
  if (!isAuthorized(account, call)) throw refuse(401, "unauthorized: invalid token")
  return route(account, call)
}

/** What was thrown, as an answer. Anything but a refusal is a fault of ours. */
function refusal(problem: unknown): Reply {
  const { status, error, headers } = isRefusal(problem) ? problem : refuse(500, String(problem))
  return { status, body: { error }, ...(headers && { headers }) }
}

/** What is no HTTP at all gets an answer in our form, too. */
function refuseGarbage(error: Error & { code?: string }, socket: Duplex) {
  if (!socket.writable) return socket.destroy()
  const isTooLarge = error.code === "HPE_HEADER_OVERFLOW"
  const body = JSON.stringify({
    error: isTooLarge ? "request headers are too large" : `malformed request: ${error.message}`,
  })
  const status = isTooLarge ? "431 Request Header Fields Too Large" : "400 Bad Request"
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

const localName = /^(?:localhost|[\w.-]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i

/** Web pages must not reach us: neither by a name that was bound anew to loopback, nor by a form sent across sites. */
function isLocal({ fields }: Call): boolean {
  const host = first(fields, "Host")
  const origin = first(fields, "Origin")
  if (host !== undefined && !localName.test(host)) return false
  return origin === undefined || origin === `http://${host}`
}

function isAuthorized({ token }: Account, { fields, target }: Call): boolean {
  const given = first(fields, "Authorization")?.replace(/^Bearer\s+/i, "")
  return (given ?? target.query.find(([name]) => name === "qstash_token")?.[1]) === token
}
