import { createServer, type IncomingHttpHeaders } from "node:http"
import type { AddressInfo } from "node:net"
import { onTestFinished } from "vitest"

export type Delivery = {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export type Answer = {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** `"hang"` never answers, `"cut"` closes the connection. */
export type Answering = (
  delivery: Delivery,
  nth: number,
) => Answer | "hang" | "cut" | Promise<Answer | "hang" | "cut">

export type Receiver = {
  readonly url: string
  readonly deliveries: Delivery[]
  /** The paths of the deliveries so far, in order. */
  paths(): string[]
  answer(answering: Answering): void
  close(): Promise<void>
}

/** A destination on this machine that remembers every delivery; 200 unless told otherwise. */
export async function startReceiver(first: Answering = () => ({})): Promise<Receiver> {
  const deliveries: Delivery[] = []
  let answering = first
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const delivery = {
      method: request.method ?? "",
      path: request.url ?? "",
      headers: request.headers,
      body: Buffer.concat(parts),
    }
    const answer = await answering(delivery, deliveries.push(delivery))
    if (answer === "hang") return
    if (answer === "cut") return response.destroy()
    response.writeHead(answer.status ?? 200, answer.headers).end(answer.body)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  onTestFinished(close)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    deliveries,
    paths: () => deliveries.map(({ path }) => path),
    answer(next) {
      answering = next
    },
    close,
  }
}
