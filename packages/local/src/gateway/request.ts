import type { IncomingMessage } from "node:http"

/** One request as it came over the wire. `body` is byte for byte what was sent. */
export type Request = {
  readonly method: string
  /** Path and query, undecoded. */
  readonly target: string
  /** Names and values by turns, as `IncomingMessage.rawHeaders`. */
  readonly rawHeaders: readonly string[]
  readonly protocol: string
  readonly sourceIp: string
  readonly port: number
  readonly body: Buffer
}

/** HTTP APIs take 10 MB (AWS docs: Quotas for HTTP APIs). */
export const maxBodyBytes = 10 * 1024 * 1024

/** The whole request; `undefined` where its body is over the limit (the rest is still read, and thrown away). */
export async function receive(message: IncomingMessage): Promise<Request | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of message) {
    size += chunk.length
    if (size > maxBodyBytes) return discard(message)
    chunks.push(chunk)
  }
  return {
    method: message.method ?? "GET",
    target: message.url ?? "/",
    rawHeaders: message.rawHeaders,
    protocol: `HTTP/${message.httpVersion}`,
    sourceIp: message.socket.remoteAddress ?? "127.0.0.1",
    port: message.socket.localPort ?? 0,
    body: Buffer.concat(chunks),
  }
}

/** Closing at once would cut the client off before it reads the answer. */
const discard = (message: IncomingMessage): undefined => void message.resume()
