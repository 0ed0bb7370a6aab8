import type { IncomingMessage, ServerResponse } from "node:http"
import type { Context } from "../context.ts"
import { isRefusal } from "../errors.ts"
import { type Effect, effectOf } from "../faults/effects.ts"
import type { FaultBox } from "../faults/faults.ts"
import { altered, instead } from "../faults/instead.ts"
import { answer } from "./answer.ts"
import { errorReply } from "./error-reply.ts"
import { type Operation, operationOf } from "./operation.ts"
import type { Reply } from "./reply.ts"
import type { RequestLog } from "./request-log.ts"
import { send } from "./send.ts"
import { readTarget, type Target } from "./target.ts"

export type Service = { readonly context: Context; readonly faults: FaultBox; readonly log: RequestLog }

/** What is known of a request before its body is touched. */
type Known = {
  readonly method: string
  readonly target: Target | undefined
  readonly operation: Operation | undefined
  readonly effect: Effect | undefined
  readonly refusal: unknown
}

/** One request from its arrival to its answer. Never rejects. */
export async function serve(
  service: Service,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { context, log } = service
  // Node takes the socket off a request that broke.
  const { socket } = request
  const known = recognise(service, request)
  const { method, target, operation, effect } = known
  const asked = { method, path: target?.path ?? "", requestId: log.nextId() }
  const note = (status: number) =>
    log.add({ method, operation, bucket: target?.bucket, key: target?.key, status })
  if (effect?.kind === "reset" && effect.after === undefined) {
    note(0)
    return void socket.resetAndDestroy()
  }
  const reply: Reply =
    instead(effect, operation, asked) ??
    altered(
      effect,
      await work(service, request, response, known).catch((error: unknown) => errorReply(error, asked)),
    )
  if (effect?.kind === "lose-response") {
    note(0)
    if (reply.content) context.depot.release(reply.content.blobs)
    return void socket.destroy()
  }
  note(reply.status)
  response.setHeader("Date", httpDate(context.now() + (effectOf(effect, "skew")?.ms ?? 0)))
  response.setHeader("x-amz-request-id", asked.requestId)
  response.setHeader("x-amz-id-2", asked.requestId)
  response.setHeader("Server", "AmazonS3")
  await send(context, { response, socket, effect }, reply).catch(() => response.destroy())
  // Whoever was refused in the middle of a body may still be sending it, and the connection is to live on.
  if (!request.complete) setImmediate(() => request.resume())
}

function recognise({ context, faults }: Service, request: IncomingMessage): Known {
  const method = request.method ?? ""
  let target: Target | undefined
  let operation: Operation | undefined
  let refusal: unknown
  try {
    target = readTarget(request.url ?? "", request.headers.host, context.region)
    operation = operationOf(method, target, request.headers)
  } catch (error) {
    refusal = error
  }
  const effect = faults.take({ method, operation, bucket: target?.bucket, key: target?.key })
  return { method, target, operation, effect, refusal }
}

async function work(
  service: Service,
  request: IncomingMessage,
  response: ServerResponse,
  known: Known,
): Promise<Reply> {
  const { method, target, operation, effect, refusal } = known
  if (!target || !operation) throw refusal
  const { socket } = request
  try {
    return await answer(service.context, { request, response, method, target, operation, effect })
  } catch (error) {
    if (!isRefusal(error) && !socket.destroyed) service.log.bug(error)
    throw error
  }
}

let last = { second: 0, text: "" }

/** Clients set their clock by it when they are refused for a wrong one. */
function httpDate(time: number): string {
  const second = Math.floor(time / 1000)
  if (last.second !== second) last = { second, text: new Date(time).toUTCString() }
  return last.text
}
