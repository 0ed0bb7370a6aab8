import type { IncomingHttpHeaders } from "node:http"
import type { Dispatcher } from "undici"
import { onAbort } from "./abort.ts"
import { pausableBody, type Source } from "./pausable.ts"
import { parsedConnection } from "./receive.ts"

export type Ask = {
  readonly origin: string
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE"
  readonly path: string
  /** Name, value, name, value. */
  readonly headers: string[]
  readonly body?: Buffer
  readonly signal?: AbortSignal | undefined
}

export type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Source }
export type Collected = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
}

/**
 * One request, as soon as its answer begins. Straight on undici's dispatch: its streams cost more CPU than everything
 * else about a small object. Rejects with undici's errors, or the signal's reason; so does the body.
 */
export function exchange(dispatcher: Dispatcher, ask: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let body: ReturnType<typeof pausableBody> | undefined
    send(dispatcher, ask, {
      start(controller, status, headers) {
        body = pausableBody(controller)
        resolve({ status, headers, body })
      },
      data: (chunk) => body?.push(chunk),
      end: () => body?.end(),
      fail(error) {
        if (body) body.end(error)
        else reject(error)
      },
    })
  })
}

/**
 * The same, with the whole answer in memory: at most `limit` bytes of it. Of a refusal that is longer, so much: a page for
 * people. Anything else that is longer rejects with the code `ANSWER_TOO_LARGE`.
 */
export function collect(dispatcher: Dispatcher, ask: Ask, limit = 64 * 1024): Promise<Collected> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    let head: Pick<Answer, "status" | "headers"> | undefined
    let abort = (_error: Error) => {}
    const end = () => {
      const bytes = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)
      if (head) resolve({ ...head, bytes })
    }
    send(dispatcher, ask, {
      start(controller, status, headers) {
        head = { status, headers }
        abort = (error) => controller.abort(error)
      },
      data(chunk) {
        size += chunk.length
        if (size <= limit) return void chunks.push(Buffer.from(chunk))
        if ((head?.status ?? 0) >= 300) end()
        abort(
          Object.assign(new Error(`The answer is larger than ${limit} bytes.`), { code: "ANSWER_TOO_LARGE" }),
        )
      },
      end,
      fail: reject,
    })
  })
}

type Controller = Dispatcher.DispatchController
type Listener = {
  start(controller: Controller, status: number, headers: IncomingHttpHeaders): void
  /** The chunk is there only as long as the call runs. */
  data(chunk: Buffer): void
  end(): void
  fail(error: unknown): void
}

function send(dispatcher: Dispatcher, { signal, ...ask }: Ask, listener: Listener): void {
  if (signal?.aborted) {
    listener.fail(signal.reason)
    return
  }
  let controller: Controller | undefined
  let connection = parsedConnection()
  let over = false
  const finish = (run: () => void) => {
    if (over) return
    over = true
    forget()
    run()
  }
  const forget = onAbort(signal, (reason) =>
    finish(() => {
      controller?.abort(reason instanceof Error ? reason : new Error("aborted", { cause: reason }))
      listener.fail(reason)
    }),
  )
  // undici closes the connection after a HEAD unless told not to, in fear of servers that send a body with it.
  dispatcher.dispatch(
    { ...ask, reset: false, body: ask.body ?? null },
    {
      onRequestStart(started) {
        controller = started
        // It waited for a connection, and meanwhile nobody wants it any more.
        if (over) started.abort(new Error("aborted"))
      },
      onResponseStart(started, status, headers) {
        // Slices of what they came in, which would live as long as the item.
        started.rawHeaders = null
        if (status >= 200) {
          connection = parsedConnection()
          // Behind chunks there may be trailers, which undici keeps like a head.
          connection.isInBody = headers["transfer-encoding"] === undefined
        }
        if (!over && status >= 200) listener.start(started, status, headers)
      },
      onResponseData(_, chunk) {
        if (!over) listener.data(chunk)
      },
      onResponseEnd() {
        connection.isInBody = false
        finish(() => listener.end())
      },
      onResponseError: (_, error) => finish(() => listener.fail(error)),
    },
  )
}
