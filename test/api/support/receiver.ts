import { once } from "node:events"
import { createServer, type IncomingHttpHeaders } from "node:http"
import { buffer } from "node:stream/consumers"
import { onTestFinished } from "vitest"

export type Received = {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** A real HTTP server that records what it is sent and answers as it is told; gone when the test ends. */
export async function startReceiver(
  answer: (
    received: Received,
    nth: number,
  ) => { status: number; headers?: Record<string, string>; body?: string } = () => ({
    status: 200,
  }),
) {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const each = {
      method: request.method ?? "",
      path: request.url ?? "",
      headers: request.headers,
      body: await buffer(request),
    }
    received.push(each)
    const { status, headers = {}, body = "" } = answer(each, received.length)
    response.writeHead(status, headers).end(body)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  return { url: `http://127.0.0.1:${address.port}`, received }
}
