import { Fault } from "@imgmigrator/core/fault"
import type { APIGatewayProxyEventV2 } from "aws-lambda"

/** Any event with an HTTP request in it: API Gateway's HTTP API and function URLs write the same (payload format 2.0). */
export type HttpEvent = Pick<APIGatewayProxyEventV2, "headers" | "isBase64Encoded"> &
  Partial<Pick<APIGatewayProxyEventV2, "body" | "requestContext">>

/** Headers by lower-case name. */
export const headersOf = ({ headers }: HttpEvent): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]))

/** The body's bytes as they were sent. Fault `too_large request.too_large` over `limit` bytes, before they are decoded. */
export function bytesOf({ body = "", isBase64Encoded }: HttpEvent, limit: number): Buffer {
  // Neither encoding makes bytes fewer than three quarters of the characters, nor characters more than bytes.
  const tooLarge = () =>
    new Fault("too_large", "request.too_large", `The body may be up to ${limit / 1024} KB.`)
  if (body.length > Math.ceil(limit / 3) * 4) throw tooLarge()
  const bytes = Buffer.from(body, isBase64Encoded ? "base64" : "utf8")
  if (bytes.length > limit) throw tooLarge()
  return bytes
}

/** The body as JSON. Faults `invalid request.json`, `invalid request.content_type`. */
export function jsonOf(event: HttpEvent, limit: number): unknown {
  const type = headersOf(event)["content-type"]
  if (type !== undefined && !/^application\/(json|[\w.-]+\+json)\s*(;|$)/i.test(type))
    throw new Fault("invalid", "request.content_type", "Send the body as application/json.")
  return parseJson(bytesOf(event, limit))
}

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** JSON in UTF-8 (RFC 8259) whose every text is text: half a surrogate pair is none, and no database takes it. */
export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(bytes), (name: string, value: unknown) => {
      if (!name.isWellFormed() || (typeof value === "string" && !value.isWellFormed()))
        throw new SyntaxError("half a surrogate pair")
      return value
    })
  } catch (error) {
    throw new Fault("invalid", "request.json", "The body is not JSON.", { cause: error })
  }
}
