import { randomUUID } from "node:crypto"
import { Fault, type Kind } from "@imgmigrator/core/fault"
import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda"
import * as z from "zod"
import { log } from "../log.ts"

type Answer = readonly [status: number, title: string]

const answers: Record<Kind, Answer> = {
  invalid: [400, "Invalid request"],
  denied: [403, "Not allowed"],
  missing: [404, "Not found"],
  conflict: [409, "Conflict"],
  too_large: [413, "Too large"],
  stale: [409, "Changed meanwhile"],
  corrupt: [502, "Content damaged"],
  unavailable: [503, "Try again later"],
}

/** Where HTTP has a finer word than the kind. */
const finer: Readonly<Record<string, Answer>> = {
  "auth.missing": [401, "Unauthorized"],
  "delivery.signature": [401, "Unauthorized"],
  "request.content_type": [415, "Unsupported media type"],
  "idempotency.reused": [422, "Key used before"],
}

/**
 * RFC 9457: `type` is for programs to switch on, `detail` for people, `instance` for finding the log line, `errors`
 * for each field that was wrong.
 */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  instance: z.string(),
  errors: z
    .array(z.object({ pointer: z.string().optional(), parameter: z.string().optional(), detail: z.string() }))
    .optional(),
})
export type Problem = z.infer<typeof Problem>

/** What a failure looks like from outside. Whatever was not thrown on purpose tells nothing but where it was logged. */
export function problem(error: unknown, instance = `urn:uuid:${randomUUID()}`): Problem {
  if (!(error instanceof Fault))
    return { type: "about:blank", title: "Internal Server Error", status: 500, instance }
  const [status, title] = finer[error.code] ?? answers[error.kind]
  const errors = error.cause instanceof z.ZodError ? error.cause.issues.flatMap(described) : []
  return {
    type: `/problems/${error.code}`,
    title,
    status,
    detail: error.message,
    instance,
    ...(errors.length > 0 && { errors }),
  }
}

/** The answer for a failure. What is ours to repair is logged, once, here; a caller's mistake is the caller's. */
export function problemReply(error: unknown): APIGatewayProxyStructuredResultV2 {
  const body = problem(error)
  if (body.status >= 500) log.error("request failed", { instance: body.instance, status: body.status, error })
  const retryAfterMs = error instanceof Fault ? error.retryAfterMs : undefined
  return {
    statusCode: body.status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...(body.status === 401 && { "www-authenticate": 'Bearer realm="imgmigrator"' }),
      ...(retryAfterMs !== undefined && { "retry-after": String(Math.ceil(retryAfterMs / 1000)) }),
    },
    body: JSON.stringify(body),
  }
}

/** A field of the body by JSON pointer (RFC 6901), anything else by its name. */
function described(issue: z.core.$ZodIssue): NonNullable<Problem["errors"]> {
  const [part, ...path] = issue.path.map(String)
  const paths = issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...path, key]) : [path]
  return paths.map((steps) => ({
    ...(part === "body" ? { pointer: pointer(steps) } : { parameter: steps.join(".") }),
    detail: issue.message,
  }))
}

const pointer = (steps: readonly string[]) =>
  `#${steps.map((step) => `/${step.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("")}`
