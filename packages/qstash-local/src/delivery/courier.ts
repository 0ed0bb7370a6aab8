import { Agent, type ClientRequest, request as httpRequest } from "node:http"
import { request as httpsRequest, Agent as SecureAgent } from "node:https"
import type { Answer, Message } from "../engine/message.ts"
import { collect, type Fields, pairs } from "../http/headers.ts"
import type { Clock } from "../time/clock.ts"

export type Courier = {
  /** Makes one attempt. Never throws: without an answer, `status` is 0 and `error` says why. */
  deliver(message: Message, headers: Fields): Promise<Answer>
  close(): void
  closed(): boolean
}

type Setup = {
  readonly clock: Clock
  readonly resolve: Readonly<Record<string, string>>
  readonly maxResponseMs: number
  /** More of a response body is not kept. */
  readonly maxResponseBytes: number
}

/** Idle connections are given up sooner than any server does, lest a delivery meets a closing one. */
const agentOptions = { keepAlive: true, timeout: 1000, maxFreeSockets: 256 }

export function createCourier(setup: Setup): Courier {
  const agents = { http: new Agent(agentOptions), https: new SecureAgent(agentOptions) }
  const open = new Set<ClientRequest>()
  let closed = false

  async function deliver(message: Message, headers: Fields): Promise<Answer> {
    // A turn of the event loop, in which idle connections that the other side has closed are found out.
    await new Promise((resolve) => setImmediate(resolve))
    if (closed) return unanswered(new Error("the server is closing"))
    let call: ClientRequest
    try {
      call = start(message, headers)
    } catch (error) {
      return unanswered(error)
    }
    open.add(call)
    const deadline = setup.clock.now() + (message.timeoutMs ?? setup.maxResponseMs)
    const off = setup.clock.schedule(deadline, () => call.destroy(new Error("context deadline exceeded")))
    const answer = await exchange(call, message.body, setup.maxResponseBytes).catch(unanswered)
    off()
    open.delete(call)
    return answer
  }

  function start(message: Message, headers: Fields): ClientRequest {
    const { url, path, host } = address(message.url, setup.resolve)
    const sent = { Host: host, ...headers, ...length(message) }
    const secure = url.protocol === "https:"
    return (secure ? httpsRequest : httpRequest)({
      hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: url.port,
      path,
      method: message.method,
      headers: Object.fromEntries(
        Object.entries(sent).map(([name, value]) => [name, typeof value === "string" ? value : [...value]]),
      ),
      agent: secure ? agents.https : agents.http,
      setHost: false,
      ...(url.username && {
        auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`,
      }),
    })
  }

  return {
    deliver,
    closed: () => closed,
    close() {
      closed = true
      for (const call of open) call.destroy(new Error("the server is closing"))
      agents.http.destroy()
      agents.https.destroy()
    },
  }
}

/** Sends the body and reads the answer, of whose body no more than `maxBytes` are kept. */
function exchange(call: ClientRequest, body: Buffer, maxBytes: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    call.on("error", reject)
    // A switch of protocols ends in neither a response nor an error. (After a response the close may come before its end.)
    const unanswered = () => reject(new Error("the connection was closed without an answer"))
    call.on("close", unanswered)
    call.on("response", (response) => {
      call.off("close", unanswered)
      const kept: Buffer[] = []
      let bytes = 0
      response.on("data", (part: Buffer) => {
        if (bytes < maxBytes) kept.push(part.subarray(0, maxBytes - bytes))
        bytes += part.length
      })
      response.on("error", reject)
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: collect(pairs(response.rawHeaders)),
          body: Buffer.concat(kept),
        }),
      )
    })
    call.end(body)
  })
}

const unanswered = (error: unknown): Answer => ({
  status: 0,
  headers: {},
  body: Buffer.alloc(0),
  error: describe(error),
})

/** Several addresses of one name fail with an AggregateError that has no message of its own. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join("; ")
  return error instanceof Error ? error.message || error.name : String(error)
}

const length = ({ method, body }: Message): Record<string, string> =>
  body.length > 0 || !/^(GET|HEAD)$/.test(method) ? { "Content-Length": String(body.length) } : {}

/** Where to connect, what to ask for, and the host to name. The path stays as published, dot segments and all. */
function address(published: string, resolve: Readonly<Record<string, string>>) {
  const url = new URL(published)
  const raw = published.replace(/^https?:\/\/[^/?#]*/i, "").replace(/#.*$/s, "")
  const path = /^[\x21-\x7e]*$/.test(raw) ? raw.replace(/^(?!\/)/, "/") : `${url.pathname}${url.search}`
  const instead = resolve[url.host] ?? resolve[url.hostname]
  if (instead === undefined) return { url, path, host: url.host }
  const target = new URL(instead)
  return { url: target, path: `${target.pathname.replace(/\/$/, "")}${path}`, host: url.host }
}
