import type { APIGatewayProxyEventV2, APIGatewayProxyEventV2WithLambdaAuthorizer } from "aws-lambda"
import * as z from "zod"
import { type Answer, says } from "./answer.ts"
import { toAuthorizerEvent } from "./event.ts"
import type { Invocation } from "./invoke.ts"

const Verdict = z.object({
  isAuthorized: z.boolean(),
  context: z.record(z.string(), z.unknown()).optional(),
})

type Authorized = APIGatewayProxyEventV2WithLambdaAuthorizer<Record<string, unknown>>

/**
 * Ask the request authorizer, as an HTTP API does: no `Authorization` header is 401 without asking, a refusal is 403,
 * a failure or an answer in no simple form is 500; else its context goes to the handler.
 */
export async function authorize(
  event: APIGatewayProxyEventV2,
  ask: (event: unknown) => Promise<Invocation>,
): Promise<{ readonly refused: Answer } | { readonly event: Authorized }> {
  const identity = event.headers.authorization
  if (!identity) return { refused: says(401, "Unauthorized") }
  const answer = await ask(toAuthorizerEvent(event, identity))
  const verdict = "result" in answer ? Verdict.safeParse(answer.result).data : undefined
  if (!verdict) return { refused: says(500, "Internal Server Error") }
  if (!verdict.isAuthorized) return { refused: says(403, "Forbidden") }
  const authorizer = { lambda: verdict.context ?? {} }
  return { event: { ...event, requestContext: { ...event.requestContext, authorizer } } }
}
