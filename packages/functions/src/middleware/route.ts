import { accept, Fault } from "@imgmigrator/core/fault"
import middy from "@middy/core"
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda"
import * as z from "zod"
import { log, withLogFields } from "../log.ts"
import { flushMetrics } from "../metrics.ts"
import { problemReply } from "./problem.ts"
import { headersOf, jsonOf } from "./request.ts"

/** What a route answers. `body` becomes JSON, unless it is a text with a `content-type` of its own. */
export type Reply = {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** Whose API key came with the request. `prefixes`: the only stores that the key may name. */
export const Caller = z.object({
  user_id: z.string().min(1),
  prefixes: z.array(z.string()).optional(),
})
export type Caller = z.infer<typeof Caller>

type Options = {
  /** Bytes of body; 64 KB if not said. */
  readonly bodyLimit?: number
}

/**
 * An HTTP route for callers with an API key: one schema for the whole request (`body`, `path`, `query`, `headers`;
 * the parts it has are those that are read), one function from it to a reply. Any failure becomes a problem.
 */
export const route = <Request extends z.ZodObject>(
  request: Request,
  run: (request: z.output<Request> & { readonly caller: Caller }) => Promise<Reply>,
  options: Options = {},
) =>
  door((event) => {
    const caller = callerOf(event) // who is asking comes before what is asked
    return withLogFields({ user_id: caller.user_id }, async () => {
      const answer = await run({
        ...accept(request, read(request, event, options), "request.invalid"),
        caller,
      })
      const { method, path } = event.requestContext.http
      if (method !== "GET") log.info("request served", { method, path, status: answer.status })
      return answer
    })
  })

/** The same for everyone. */
export const publicRoute = (run: (event: APIGatewayProxyEventV2) => Promise<Reply>) => door(run)

const door = (run: (event: APIGatewayProxyEventV2) => Promise<Reply>) =>
  middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>({ timeoutEarlyInMillis: 200 })
    .after(flushMetrics)
    .onError((request) => {
      request.response = withLogFields(idsOf(request.event), () => problemReply(request.error))
      flushMetrics()
    })
    .handler((event) => withLogFields(idsOf(event), async () => reply(await run(event))))

const idsOf = (event: APIGatewayProxyEventV2) => ({ request_id: event.requestContext?.requestId })

/** The user is who the key belongs to, as the authorizer found; nothing in a request can say otherwise. */
function callerOf(event: APIGatewayProxyEventV2): Caller {
  const context = z.object({ authorizer: z.object({ lambda: Caller }) }).safeParse(event.requestContext)
  if (context.success) return context.data.authorizer.lambda
  throw new Fault("denied", "auth.missing", "Send your API key: Authorization: Bearer <api key>.")
}

function read({ shape }: z.ZodObject, event: APIGatewayProxyEventV2, { bodyLimit = 64 * 1024 }: Options) {
  return {
    ...("path" in shape && { path: event.pathParameters ?? {} }),
    ...("query" in shape && { query: event.queryStringParameters ?? {} }),
    ...("headers" in shape && { headers: headersOf(event) }),
    ...("body" in shape && { body: jsonOf(event, bodyLimit) }),
  }
}

function reply({ status, headers, body }: Reply): APIGatewayProxyStructuredResultV2 {
  return {
    statusCode: status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  }
}
