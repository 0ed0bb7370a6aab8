import * as z from "zod"

/** What goes back over the wire. A name may come twice (`set-cookie`). */
export type Answer = {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Buffer
}

const Structured = z.object({
  statusCode: z.coerce.number().int().min(100).max(599),
  headers: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  cookies: z.array(z.string()).optional(),
  body: z.string().optional(),
  isBase64Encoded: z.boolean().optional(),
})

/** A Lambda function's answer may have this many bytes (AWS docs: Lambda quotas, synchronous payload). */
export const maxPayloadBytes = 6 * 1024 * 1024

/**
 * A handler's result as HTTP, by the rules of format 2.0: with a `statusCode` it is taken at its word, without one
 * the whole result is the body of a 200. `undefined` where it is neither, or too large: the gateway then answers as
 * for a function that failed.
 */
export function toAnswer(result: unknown): Answer | undefined {
  if (Buffer.byteLength(JSON.stringify(result) ?? "") > maxPayloadBytes) return undefined
  if (typeof result !== "object" || result === null || !("statusCode" in result)) return inferred(result)
  const { success, data } = Structured.safeParse(result)
  if (!success) return undefined
  const headers: (readonly [string, string])[] = Object.entries(data.headers ?? {}).map(([name, value]) => [
    name.toLowerCase(),
    String(value),
  ])
  if (!headers.some(([name]) => name === "content-type") && data.body !== undefined)
    headers.push(["content-type", "text/plain; charset=utf-8"])
  return {
    status: data.statusCode,
    headers: [...headers, ...(data.cookies ?? []).map((cookie) => ["set-cookie", cookie] as const)],
    body: Buffer.from(data.body ?? "", data.isBase64Encoded ? "base64" : "utf8"),
  }
}

function inferred(result: unknown): Answer {
  const body = typeof result === "string" ? result : (JSON.stringify(result) ?? "null")
  return { status: 200, headers: [["content-type", "application/json"]], body: Buffer.from(body) }
}

/** What the gateway itself says, in API Gateway's own form. */
export const says = (status: number, message: string, headers: Answer["headers"] = []): Answer => ({
  status,
  headers: [["content-type", "application/json"], ...headers],
  body: Buffer.from(JSON.stringify({ message })),
})
