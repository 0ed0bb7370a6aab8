import { refusal } from "../errors.ts"
import { type Asked, errorReply, errorXml } from "../http/error-reply.ts"
import type { Operation } from "../http/operation.ts"
import type { Reply } from "../http/reply.ts"
import type { Effect } from "./effects.ts"

const longOnes: readonly (Operation | undefined)[] = [
  "CompleteMultipartUpload",
  "CopyObject",
  "UploadPartCopy",
]

/** The answer that a fault gives in place of the work. */
export function instead(
  effect: Effect | undefined,
  operation: Operation | undefined,
  asked: Asked,
): Reply | undefined {
  if (effect?.kind === "answer") {
    const reply = errorReply(refusal(effect.code), asked)
    return { ...reply, headers: { ...reply.headers, "Retry-After": effect.retryAfter } }
  }
  if (effect?.kind === "error-in-200" && longOnes.includes(operation))
    return { status: 200, body: errorXml(refusal(effect.code ?? "InternalError"), asked) }
  return undefined
}

const wrongEtag = `"${"0".repeat(32)}"`

/** The answer after a fault that changes what it says. */
export function altered(effect: Effect | undefined, reply: Reply): Reply {
  if (effect?.kind !== "wrong-etag") return reply
  return {
    ...reply,
    ...(reply.headers?.ETag !== undefined && { headers: { ...reply.headers, ETag: wrongEtag } }),
    ...(reply.body !== undefined && {
      body: reply.body.replace(/<ETag>.*?<\/ETag>/g, `<ETag>${wrongEtag}</ETag>`),
    }),
  }
}
