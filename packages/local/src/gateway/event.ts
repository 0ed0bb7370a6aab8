import { isUtf8 } from "node:buffer"
import type { APIGatewayProxyEventV2, APIGatewayRequestAuthorizerEventV2 } from "aws-lambda"
import type { Request } from "./request.ts"

/** Whose event it is: they differ in path decoding and route key. */
export type Door = {
  readonly kind: "http-api" | "function-url"
  /** The path as that door gives it: decoded by an HTTP API, as sent by a function URL. */
  readonly rawPath: string
  /** `GET /api/v1/migrations/{id}`; ignored for a function URL. */
  readonly routeKey: string
  readonly pathParameters?: Readonly<Record<string, string>>
  readonly requestId: string
  /** ms */
  readonly at: number
}

/** Payload format 2.0 (AWS docs: Working with AWS Lambda proxy integrations for HTTP APIs). */
export function toEvent(request: Request, door: Door): APIGatewayProxyEventV2 {
  const { headers, cookies } = headersOf(request)
  const rawQueryString = queryOf(request.target)
  const query = joined(new URLSearchParams(rawQueryString))
  const pathParameters = door.kind === "http-api" ? (door.pathParameters ?? {}) : {}
  return {
    version: "2.0",
    routeKey: door.kind === "http-api" ? door.routeKey : "$default",
    rawPath: door.rawPath,
    rawQueryString,
    ...(cookies.length > 0 && { cookies }),
    headers,
    ...(hasAny(query) && { queryStringParameters: query }),
    requestContext: contextOf(request, headers, door),
    ...bodyOf(request.body, headers),
    ...(hasAny(pathParameters) && { pathParameters }),
  }
}

const hasAny = (values: object) => Object.keys(values).length > 0

/** What a request authorizer of format 2.0 is asked with. */
export function toAuthorizerEvent(
  event: APIGatewayProxyEventV2,
  identity: string,
): APIGatewayRequestAuthorizerEventV2 {
  const { body: _body, isBase64Encoded: _encoded, cookies = [], requestContext, ...rest } = event
  const { authentication: _none, ...context } = requestContext
  return {
    ...rest,
    type: "REQUEST",
    routeArn: `arn:aws:execute-api:local:000000000000:local/$default/${requestContext.http.method}${event.rawPath}`,
    identitySource: [identity],
    cookies,
    requestContext: context,
  }
}

function headersOf(request: Request) {
  const pairs: [name: string, value: string][] = []
  for (let at = 0; at < request.rawHeaders.length; at += 2)
    pairs.push([(request.rawHeaders[at] ?? "").toLowerCase(), request.rawHeaders[at + 1] ?? ""])
  const cookies = pairs.filter(([name]) => name === "cookie").flatMap(([, value]) => value.split(/;\s*/))
  const headers = joined([
    ...pairs.filter(([name]) => name !== "cookie"),
    ["x-forwarded-for", request.sourceIp],
    ["x-forwarded-port", String(request.port)],
    ["x-forwarded-proto", "http"],
  ])
  return { headers, cookies: cookies.filter((cookie) => cookie !== "") }
}

/** A name that comes twice has its values joined by a comma; one that is absent is left out, not null. */
function joined(pairs: Iterable<readonly [string, string]>): Record<string, string> {
  const values = new Map<string, string>()
  for (const [name, value] of pairs)
    values.set(name, values.has(name) ? `${values.get(name)},${value}` : value)
  return Object.fromEntries(values)
}

function queryOf(target: string): string {
  const at = target.indexOf("?")
  return at < 0 ? "" : target.slice(at + 1)
}

function contextOf(request: Request, headers: Record<string, string>, door: Door) {
  const domainName = headers.host ?? "localhost"
  return {
    accountId: "anonymous",
    apiId: "local",
    domainName,
    domainPrefix: domainName.split(/[.:]/, 1)[0] ?? "localhost",
    http: {
      method: request.method,
      path: door.rawPath,
      protocol: request.protocol,
      sourceIp: request.sourceIp,
      userAgent: headers["user-agent"] ?? "",
    },
    requestId: door.requestId,
    routeKey: door.kind === "http-api" ? door.routeKey : "$default",
    stage: "$default",
    time: clf(door.at),
    timeEpoch: door.at,
  }
}

/** `12/Mar/2020:19:03:58 +0000`, as access logs write it. */
function clf(at: number): string {
  const [, day, month, year, time] = new Date(at).toUTCString().split(" ")
  return `${day}/${month}/${year}:${time} +0000`
}

const text = /^(text\/|application\/(.+\+)?(json|xml|javascript)\b|application\/x-www-form-urlencoded\b)/i

/**
 * Text stays text, all else travels as base64: which content types count as text is nowhere documented whole, so
 * handlers must take both. Bytes that are no UTF-8 would not survive as text, whatever their type says.
 */
function bodyOf(body: Buffer, headers: Record<string, string>) {
  if (body.length === 0) return { isBase64Encoded: false }
  const plain = text.test(headers["content-type"] ?? "") && !headers["content-encoding"] && isUtf8(body)
  return { body: body.toString(plain ? "utf8" : "base64"), isBase64Encoded: !plain }
}
