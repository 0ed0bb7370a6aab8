import type { IncomingMessage, ServerResponse } from "node:http"
import { parseTarget, type Target } from "./destination.ts"
import { collect, type Fields, pairs } from "./headers.ts"

/** A request as the API's functions see it. */
export type Call = {
  readonly method: string
  readonly target: Target
  /** All headers and, beneath them, the query parameters `upstash-*`, which mean the same. */
  readonly fields: Fields
  readonly body: Buffer
  readonly callerIp: string
}

/** What to answer. `unanswered` leaves the client waiting or cuts it off. */
export type Reply = {
  readonly status: number
  /** Becomes JSON. */
  readonly body?: unknown
  /** Goes out as it is; its type is in `headers`. */
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly unanswered?: "hang" | "cut"
  /** Takes the answer over. */
  readonly stream?: (response: ServerResponse) => void
}

/** Reads a whole request; undefined when its body is longer than `maxBytes` or breaks off. */
export async function read(request: IncomingMessage, maxBytes: number): Promise<Call | undefined> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request) {
    bytes += part.length
    if (bytes > maxBytes) return undefined
    parts.push(part)
  }
  const target = parseTarget(request.url ?? "/")
  const asQuery = target.query.filter(([name]) => /^upstash-/i.test(name))
  return {
    method: request.method ?? "GET",
    target,
    fields: { ...collect(asQuery), ...collect(pairs(request.rawHeaders)) },
    body: Buffer.concat(parts),
    callerIp: request.socket.remoteAddress ?? "127.0.0.1",
  }
}

/** Writes an answer. */
export function write(response: ServerResponse, reply: Reply) {
  if (reply.unanswered === "hang") return
  if (reply.stream) return reply.stream(response)
  if (reply.unanswered === "cut") return response.destroy()
  const text = reply.text ?? (reply.body === undefined ? "" : JSON.stringify(reply.body))
  const type = reply.body === undefined ? {} : { "Content-Type": "application/json" }
  response.writeHead(reply.status, { ...type, "Content-Length": Buffer.byteLength(text), ...reply.headers })
  response.end(text)
}
