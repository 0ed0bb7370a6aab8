import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from "aws-lambda"
import { scan } from "../../support/secrets.ts"

export type Asked = {
  readonly method?: string
  readonly path?: string
  readonly pathParameters?: Record<string, string>
  readonly query?: Record<string, string>
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
  /** Who the authorizer found; absent: it was not asked. */
  readonly caller?: { readonly user_id: string; readonly prefixes?: readonly string[] }
  readonly domainName?: string
}

/** An event of payload format 2.0, as API Gateway and function URLs write it (AWS docs). A Buffer comes as base64. */
export function event(asked: Asked): APIGatewayProxyEventV2 {
  const {
    method = "GET",
    path = "/",
    query,
    headers = {},
    body,
    caller,
    domainName = "api.example.com",
  } = asked
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: new URLSearchParams(query).toString(),
    headers: { host: domainName, ...headers },
    ...(query && { queryStringParameters: query }),
    ...(asked.pathParameters && { pathParameters: asked.pathParameters }),
    requestContext: {
      accountId: "123456789012",
      apiId: "api",
      domainName,
      domainPrefix: domainName.split(".")[0] ?? "",
      http: { method, path, protocol: "HTTP/1.1", sourceIp: "192.0.2.1", userAgent: "test" },
      requestId: "request-1",
      routeKey: "$default",
      stage: "$default",
      time: "01/Nov/2026:00:00:00 +0000",
      timeEpoch: 1_793_491_200_000,
      ...(caller && { authorizer: { lambda: caller } }),
    },
    ...(body !== undefined && { body: typeof body === "string" ? body : body.toString("base64") }),
    isBase64Encoded: Buffer.isBuffer(body),
  }
}

/** Lambda's context with so much time left. */
export const context = (remainingMs = 10_000): Context => ({
  callbackWaitsForEmptyEventLoop: true,
  functionName: "f",
  functionVersion: "1",
  invokedFunctionArn: "arn:aws:lambda:eu-central-1:123456789012:function:f",
  memoryLimitInMB: "512",
  awsRequestId: "invocation-1",
  logGroupName: "g",
  logStreamName: "s",
  getRemainingTimeInMillis: () => remainingMs,
  done: () => {},
  fail: () => {},
  succeed: () => {},
})

type Handler = (event: APIGatewayProxyEventV2, context: Context) => Promise<APIGatewayProxyStructuredResultV2>

/** Call a handler as Lambda would; the body comes parsed where it is JSON. */
export async function call(handler: Handler, asked: Asked) {
  const { statusCode = 0, headers = {}, body } = await handler(event(asked), context())
  scan(`the answer of ${asked.path}`, JSON.stringify(headers) + body)
  const isJson =
    String(headers["content-type"]).includes("json") && !String(headers["content-type"]).includes("ndjson")
  return { status: statusCode, headers, body: isJson && body ? JSON.parse(body) : body }
}
