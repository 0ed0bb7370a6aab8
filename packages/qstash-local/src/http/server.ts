import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { route } from "../api/router.ts"
import type { Account } from "../engine/account.ts"
import { type Call, type Reply, read, write } from "./exchange.ts"
import { first } from "./headers.ts"
import { isRefusal, overLimit, type Refusal, refuse } from "./problem.ts"

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
      const done = account.activity.begin()
      response.once("close", done)
      try {
        const call = await read(request, maxBodyBytes)
        const answer = call
          ? await answerTo(account, call)
          : overLimit(`request body exceeds ${maxBodyBytes} bytes`)
        const reply = isRefusal(answer) ? refusal(answer) : answer
        if (!call) response.setHeader("Connection", "close")
        if (reply.unanswered === "hang") done()
        write(response, reply)
      } catch (error) {
        if (!response.headersSent)
          write(response, refusal(refuse(500, error instanceof Error ? error.message : String(error))))
      }
    },
  )
  server.requestTimeout = 0
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

const refusal = ({ status, error, headers }: Refusal): Reply => ({
  status,
  body: { error },
  ...(headers && { headers }),
})

async function answerTo(account: Account, call: Call): Promise<Reply | Refusal> {
  if (!isLocal(call)) return refuse(403, "requests from other sites are refused")
  if (!isAuthorized(account, call)) return refuse(401, "unauthorized: invalid token")
  return route(account, call)
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
