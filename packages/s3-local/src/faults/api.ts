import type { IncomingMessage, ServerResponse } from "node:http"
import { isErrorCode } from "../errors.ts"
import type { Effect } from "./effects.ts"
import type { FaultBox, FaultTarget } from "./faults.ts"

/** No bucket's name begins with an underscore. */
export const faultPath = "/_s3-local/faults"

/**
 * The switches for a server in another process, unsigned: `POST {"effect": {…}, "times"?: 3 | "always", "match"?:
 * {"method"?, "operation"?, "bucket"?, "key"?}}` (`key` may end with `*`) answers 204, `DELETE` clears all, `GET` tells how
 * many were injected. Anything else is 400 with the reason.
 */
export async function serveFaultApi(faults: FaultBox, request: IncomingMessage, response: ServerResponse) {
  const answer = (status: number, body?: object) => {
    response.writeHead(status, { "Content-Type": "application/json" })
    response.end(body && JSON.stringify(body))
  }
  if (request.method === "GET") return answer(200, { injected: faults.injected })
  if (request.method === "DELETE") {
    faults.clear()
    return answer(204)
  }
  try {
    const asked = record(JSON.parse(await textOf(request)))
    const times = asked.times === "always" ? Number.POSITIVE_INFINITY : Number(asked.times ?? 1)
    if (Number.isNaN(times) || times < 1) throw new Error("times must be a positive number or always")
    faults.inject({
      effect: effectFrom(record(asked.effect)),
      when: matcher(record(asked.match ?? {})),
      times,
    })
    return answer(204)
  } catch (error) {
    return answer(400, { error: error instanceof Error ? error.message : String(error) })
  }
}

type Fields = Readonly<Record<string, unknown>>

/** The fields that each effect may have, and what they must be. */
const fields: Readonly<
  Record<Effect["kind"], Readonly<Record<string, "number" | "text" | "code" | "page">>>
> = {
  answer: { code: "code", retryAfter: "text" },
  "lose-response": {},
  reset: { after: "number" },
  slow: { bytesPerSecond: "number" },
  stall: { after: "number" },
  cut: { after: "number" },
  flip: { at: "number" },
  "wrong-etag": {},
  "error-in-200": { code: "code" },
  listing: { page: "page" },
  skew: { ms: "number" },
}

const required: Fields = { answer: "code", slow: "bytesPerSecond", listing: "page", skew: "ms" }

const goodField = {
  number: (value: unknown) => typeof value === "number",
  text: (value: unknown) => typeof value === "number" || typeof value === "string",
  code: (value: unknown) => typeof value === "string" && isErrorCode(value),
  page: (value: unknown) => value === "repeat" || value === "skip" || value === "loop",
}

function effectFrom(effect: Fields): Effect {
  const kind = String(effect.kind)
  const known = Object.hasOwn(fields, kind)
    ? Object.entries(fields).find(([name]) => name === kind)?.[1]
    : undefined
  if (!known) throw new Error(`effect.kind must be one of ${Object.keys(fields).join(", ")}`)
  for (const [name, value] of Object.entries(effect)) {
    const type = name === "kind" ? undefined : known[name]
    if (name !== "kind" && (!type || !goodField[type](value)))
      throw new Error(`effect.${name} is not valid here`)
  }
  const needed = required[kind]
  if (typeof needed === "string" && !(needed in effect)) throw new Error(`effect.${needed} is missing`)
  // Kind and fields were just checked against the table above.
  return effect as unknown as Effect
}

function matcher(match: Fields): (request: FaultTarget) => boolean {
  const { key, ...exact } = match
  const pattern = typeof key === "string" ? key : undefined
  return (request) =>
    Object.entries(exact).every(([name, value]) => record(request)[name] === value) &&
    (pattern === undefined ||
      request.key === pattern ||
      (pattern.endsWith("*") && (request.key ?? "").startsWith(pattern.slice(0, -1))))
}

function record(value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error("an object was expected")
  return Object.fromEntries(Object.entries(value))
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > 65_536) throw new Error("too long")
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
