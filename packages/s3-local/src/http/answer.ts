import type { IncomingMessage, ServerResponse } from "node:http"
import { authenticate } from "../auth/authenticate.ts"
import type { Context } from "../context.ts"
import { refusal } from "../errors.ts"
import { bent } from "../faults/bend.ts"
import { type Effect, effectOf } from "../faults/effects.ts"
import { handlers } from "../operations/table.ts"
import { checkHeaderSize, header, headerValuesOf, type Incoming } from "./incoming.ts"
import type { Operation } from "./operation.ts"
import { ownerAccount, type Reply } from "./reply.ts"
import type { Target } from "./target.ts"

export type Arrived = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly method: string
  readonly target: Target
  readonly operation: Operation
  readonly effect: Effect | undefined
}

/** Checks a request and does what it asks for; throws what S3 answers to the failure. */
export async function answer(context: Context, arrived: Arrived): Promise<Reply> {
  const { request, method, target, operation, effect } = arrived
  checkHeaderSize(request)
  checkKey(target.key)
  const incoming: Incoming = {
    method,
    target,
    headers: request.headers,
    headerValues: headerValuesOf(request),
    body: bodyOf(arrived),
  }
  const auth = authenticate(incoming, context, context.now() + (effectOf(effect, "skew")?.ms ?? 0))
  checkOwner(incoming)
  const page = effectOf(effect, "listing")?.page
  return await handlers[operation](context, {
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
  if (size > 1024) throw refusal("KeyTooLongError", undefined, { Size: size, MaxSizeAllowed: 1024 })
}

function checkOwner(incoming: Incoming) {
  const expected = header(incoming, "x-amz-expected-bucket-owner")
  if (expected !== undefined && expected !== ownerAccount) throw refusal("AccessDenied")
}

/**
 * The body. Whoever sent `Expect: 100-continue` is told to go on only now that somebody reads; a refusal before that
 * closes the connection, as nobody knows whether the body still comes. Leaving off early keeps the connection for
 * the answer.
 */
function bodyOf({ request, response, effect }: Arrived): AsyncIterable<Buffer> {
  const waits = request.headers.expect?.toLowerCase() === "100-continue"
  if (waits) response.setHeader("Connection", "close")
  async function* read(): AsyncGenerator<Buffer> {
    if (waits && !response.headersSent) {
      response.removeHeader("Connection")
      response.writeContinue()
    }
    yield* request.iterator({ destroyOnReturn: false })
  }
  const length = Number(request.headers["content-length"] ?? 0)
  const uploads = effect?.kind === "slow" || effect?.kind === "stall" || effect?.kind === "reset"
  return uploads ? bent(read(), effect, { length, socket: request.socket }) : read()
}
