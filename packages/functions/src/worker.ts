import { Fault } from "@imgmigrator/core/fault"
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from "aws-lambda"
import { problemReply } from "./middleware/problem.ts"
import { failurePath, webhookPath } from "./webhooks/address.ts"
import { handler as failed } from "./webhooks/failure.ts"
import { handler as delivered } from "./webhooks/qstash.ts"

/** The worker's function URL. It has no gateway in front, so it tells its two paths apart itself. */
export async function handler(
  event: APIGatewayProxyEventV2,
  context: Context,
): Promise<APIGatewayProxyStructuredResultV2> {
  const { method, path } = event.requestContext.http
  if (method === "POST" && path === webhookPath) return delivered(event, context)
  if (method === "POST" && path === failurePath) return failed(event, context)
  return problemReply(new Fault("missing", "request.route", "There is nothing here."))
}
