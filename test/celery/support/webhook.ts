import { once } from "node:events"
import { createServer, type IncomingHttpHeaders } from "node:http"
import { buffer } from "node:stream/consumers"
import { verify } from "../../../packages/functions/src/webhooks/signature.ts"
import { signingKey } from "./worker.ts"

export type Received = {
  readonly at: number
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly payload: Readonly<Record<string, unknown>>
}
type Answer = {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}
type Answers = (received: Received, nth: number) => Answer | Promise<Answer>

export type Webhook = Awaited<ReturnType<typeof startWebhook>>

/**
 * Where a worker delivers to: refuses what is not signed as the service demands, and answers each migration as its test
 * says. One for many tests at once.
 */
export async function startWebhook() {
  const cases = new Map<string, { received: Received[]; answers: Answers; wake: () => void }>()
  const reports: Received[] = []
  let wakeReports = () => {}
  const server = createServer(async (request, response) => {
    const body = await buffer(request)
    const received: Received = {
      at: Date.now(),
      path: request.url ?? "",
      headers: request.headers,
      payload: JSON.parse(body.toString()),
    }
    const answer = async (): Promise<Answer> => {
      verify({
        signature: String(request.headers["upstash-signature"]),
        body,
        url: `${url}${request.url}`,
        keys: [signingKey],
        now: Date.now() / 1000,
      })
      if (request.url?.endsWith("/failure")) {
        reports.push(received)
        wakeReports()
        return { status: 200 }
      }
      const found = cases.get(String(received.payload.migration_id))
      if (!found) return { status: 404 }
      found.received.push(received)
      found.wake()
      return found.answers(received, found.received.length)
    }
    const {
      status,
      headers = {},
      body: text = "",
    } = await answer().catch((error: unknown) => ({
      status: 401,
      headers: {},
      body: String(error),
    }))
    response.writeHead(status, headers).end(text)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  const url = `http://127.0.0.1:${address.port}`
  return {
    url,
    /** What arrives for this migration, and how it is answered: 200 if nothing else is said. */
    expect(id: string, answers: Answers = () => ({ status: 200 })) {
      const received: Received[] = []
      let waiting: (() => void)[] = []
      cases.set(id, {
        received,
        answers,
        wake: () => {
          const woken = waiting
          waiting = []
          for (const each of woken) each()
        },
      })
      return {
        received,
        /** Resolves with the `n`th delivery, from 1. */
        async nth(n: number): Promise<Received> {
          for (;;) {
            const found = received[n - 1]
            if (found) return found
            await new Promise<void>((resolve) => waiting.push(resolve))
          }
        },
      }
    },
    /** Resolves with what the failure callback was told about this message. */
    async report(messageId: string): Promise<Received> {
      for (;;) {
        const found = reports.find(({ payload }) => payload.sourceMessageId === messageId)
        if (found) return found
        await new Promise<void>((resolve) => {
          const before = wakeReports
          wakeReports = () => {
            before()
            resolve()
          }
        })
      }
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, "close")
    },
  }
}
