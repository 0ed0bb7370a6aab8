import type { IncomingMessage, ServerResponse } from "node:http"
import { authenticate } from "../auth/authenticate.ts"
import type { Context } from "../context.ts"
import { S3Error } from "../errors.ts"
import { type Effect, effectOf } from "../faults/effects.ts"
import type { FaultBox } from "../faults/faults.ts"
import { handlers } from "../operations/table.ts"
import { checkHeaderSize, header, headerValuesOf, type Incoming } from "./incoming.ts"
import { type Operation, operationOf } from "./operation.ts"
import { ownerAccount, type Reply } from "./reply.ts"
import type { RequestLog } from "./request-log.ts"
import { errorReply, send } from "./send.ts"
import { readTarget, type Target } from "./target.ts"

export type Service = { readonly context: Context; readonly faults: FaultBox; readonly log: RequestLog }

/** One request from its arrival to its answer. Never rejects. */
export async function serve(
  service: Service,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { context, log } = service
  const method = request.method ?? ""
  const requestId = log.nextId()
  let target: Target | undefined
  let operation: Operation | undefined
  let effect: Effect | undefined
  let reply: Reply
  try {
    target = readTarget(request.url ?? "", request.headers.host, context.region)
    operation = operationOf(method, target, request.headers)
    effect = service.faults.take({ method, operation, bucket: target.bucket, key: target.key })
    reply = await answer(service, { request, response, method, target, operation, effect })
  } catch (error) {
    if (!(error instanceof S3Error) && !request.destroyed) log.bug(error)
    reply = errorReply(error, { method, path: target?.path ?? "", requestId })
  }
  response.setHeader("x-amz-request-id", requestId)
  response.setHeader("x-amz-id-2", requestId)
  response.setHeader("Server", "AmazonS3")
  log.add({ method, operation, bucket: target?.bucket, key: target?.key, status: reply.status })
  await send(context, response, reply).catch(() => response.destroy())
}

type Arrived = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly method: string
  readonly target: Target
  readonly operation: Operation
  readonly effect: Effect | undefined
}

async function answer(
  { context }: Service,
  { request, response, method, target, operation, effect }: Arrived,
): Promise<Reply> {
  checkHeaderSize(request)
  checkKey(target.key)
  const incoming: Incoming = {
    method,
    target,
    headers: request.headers,
    headerValues: headerValuesOf(request),
    body: bodyOf(request, response),
  }
  const auth = authenticate(incoming, context, context.now() + (effectOf(effect, "skew")?.ms ?? 0))
  checkOwner(incoming)
  const page = effectOf(effect, "listing")?.page
  return handlers[operation](context, {
    operation,
    incoming,
    auth,
    bucket: target.bucket ?? "",
    key: target.key ?? "",
    ...(page && { page }),
  })
}

/** At most 1,024 bytes of UTF-8 (Amazon S3 User Guide: Naming Amazon S3 objects). */
function checkKey(key: string | undefined) {
  const size = key === undefined ? 0 : Buffer.byteLength(key)
  if (size > 1024) throw new S3Error("KeyTooLongError", undefined, { Size: size, MaxSizeAllowed: 1024 })
}

function checkOwner(incoming: Incoming) {
  const expected = header(incoming, "x-amz-expected-bucket-owner")
  if (expected !== undefined && expected !== ownerAccount) throw new S3Error("AccessDenied")
}

/** The body; whoever sent `Expect: 100-continue` is told to go on only now that somebody reads. */
async function* bodyOf(request: IncomingMessage, response: ServerResponse): AsyncGenerator<Buffer> {
  if (request.headers.expect?.toLowerCase() === "100-continue") response.writeContinue()
  yield* request
}
