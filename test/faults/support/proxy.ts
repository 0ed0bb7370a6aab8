import { once } from "node:events"
import {
  Agent,
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
  request as send,
} from "node:http"
import type { AddressInfo, Socket } from "node:net"

export type Asked = {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage["headers"]
  readonly body: Buffer
}
export type Reply = {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly body: Buffer
  /** The connection closes behind it, whatever its length promised. */
  readonly closes?: boolean
}
/** Passes the request on, changed if that is the fault. */
export type Forward = (change?: Partial<Asked>) => Promise<Reply>
/** What becomes of a request: an answer, or none (`lost`: the connection is reset). */
export type Act = (asked: Asked, forward: Forward) => Promise<Reply | "lost">
export type Rule = {
  readonly when?: (asked: Asked) => boolean
  readonly act: Act
  /** 1 by default. */
  readonly times?: number
}

export type FaultProxy = {
  readonly url: string
  /** How many requests got a fault. */
  readonly injected: number
  /** All requests, as `METHOD /path?query`. */
  readonly seen: readonly string[]
  /** The next `times` requests that match get this; the oldest rule first. */
  inject(rule: Rule): void
  clear(): void
  /** Hold the next request that matches, before it is passed on or behind it. */
  hold(when: (asked: Asked) => boolean, place?: "before" | "behind"): Gate
  close(): Promise<void>
}
export type Gate = { readonly arrived: Promise<Asked>; open(): void }

/** An HTTP proxy before a server of one of our protocols: what that server can't do itself is done to it here. */
export async function startProxy(target: string): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true })
  const { hostname, port } = new URL(target)
  const seen: string[] = []
  const sockets = new Set<Socket>()
  let rules: { readonly rule: Rule; left: number }[] = []
  let injected = 0

  const pass = async ({ method, path, headers, body }: Asked): Promise<Reply> => {
    const { "transfer-encoding": _, expect: __, ...rest } = headers
    // Host stays as it came: signatures cover it.
    const sent = { ...rest, "content-length": body.length }
    const request = send({ hostname, port, method, path, headers: sent, agent })
    request.end(body)
    const answer = await new Promise<IncomingMessage>((resolve, reject) =>
      request.once("response", resolve).once("error", reject),
    )
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: await bodyOf(answer) }
  }
  /** Without a fault of its own it hides nothing of the server's: what stalls or breaks there does so here. */
  const stream = (request: IncomingMessage, response: ServerResponse) => {
    const { method, url: path, headers, socket } = request
    const onward = send({ hostname, port, method, path, headers, agent })
    onward.on("error", () => socket.resetAndDestroy())
    onward.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers)
      answer.on("error", () => socket.resetAndDestroy())
      answer.pipe(response)
    })
    response.on("close", () => onward.destroy())
    request.pipe(onward)
  }
  const take = (asked: Asked): Act | undefined => {
    const found = rules.find(({ rule, left }) => left > 0 && (rule.when?.(asked) ?? true))
    if (!found) return undefined
    found.left -= 1
    injected += 1
    return found.rule.act
  }

  const server = createServer(async (request, response) => {
    const { method = "", url: path = "", headers, socket } = request
    if (!rules.some(({ left }) => left > 0)) {
      seen.push(`${method} ${path}`)
      return stream(request, response)
    }
    const body = await bodyOf(request).catch(() => undefined)
    if (!body) return void socket.destroy()
    const asked = { method, path, headers, body }
    seen.push(`${method} ${path}`)
    const act = take(asked) ?? ((_, forward) => forward())
    const reply = await act(asked, (change) => pass({ ...asked, ...change })).catch(() => "lost" as const)
    if (reply === "lost") return void socket.resetAndDestroy()
    const { "transfer-encoding": _, connection: __, ...rest } = reply.headers
    const length = { "content-length": rest["content-length"] ?? reply.body.length }
    response.writeHead(reply.status, { ...rest, ...(method !== "HEAD" && length) })
    if (!reply.closes) return void response.end(method === "HEAD" ? undefined : reply.body)
    response.write(reply.body, () => socket.end())
  })
  server.on("connection", (socket) => {
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy())
  })
  server.keepAliveTimeout = 60_000
  await once(server.listen(0, "127.0.0.1"), "listening")
  const inject = (rule: Rule) => void rules.push({ rule, left: rule.times ?? 1 })

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get injected() {
      return injected
    },
    seen,
    inject,
    clear: () => {
      rules = []
    },
    hold(when, place = "before") {
      const arrived = Promise.withResolvers<Asked>()
      const opened = Promise.withResolvers<void>()
      inject({
        when,
        act: async (asked, forward) => {
          const early = place === "behind" ? await forward() : undefined
          arrived.resolve(asked)
          await opened.promise
          return early ?? (await forward())
        },
      })
      return { arrived: arrived.promise, open: opened.resolve }
    },
    close: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      agent.destroy()
    },
  }
}

async function bodyOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** One bit of the byte in the middle is another. */
export function flipped(bytes: Buffer): Buffer {
  const other = Buffer.from(bytes)
  const at = Math.floor(other.length / 2)
  other.writeUInt8(other.readUInt8(at) ^ 1, at)
  return other
}
