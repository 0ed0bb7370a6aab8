import type {
  APIGatewayRequestAuthorizerEventV2,
  APIGatewaySimpleAuthorizerWithContextResult,
} from "aws-lambda"
import { findApiKey } from "../db/api-keys.ts"
import { log } from "../log.ts"
import type { Caller } from "../middleware/route.ts"

type Verdict = APIGatewaySimpleAuthorizerWithContextResult<Caller | Record<string, never>>

/**
 * API Gateway's question whose key this is (HTTP API Lambda authorizer, payload format 2.0, simple answers). The answer's
 * context is the only place where routes learn the user. Anything that can't be checked is not let in.
 */
export async function handler(event: Pick<APIGatewayRequestAuthorizerEventV2, "headers">): Promise<Verdict> {
  const header = Object.entries(event.headers ?? {}).find(([name]) => name.toLowerCase() === "authorization")
  const [, key] = /^Bearer +([\w.~+/=-]{1,512})$/i.exec(header?.[1]?.trim() ?? "") ?? []
  const row = key === undefined ? undefined : await findApiKey(key)
  if (!row) {
    log.info("API key refused", { given: key !== undefined })
    return { isAuthorized: false, context: {} }
  }
  return {
    isAuthorized: true,
    context: { user_id: row.user_id, ...(row.prefixes && { prefixes: row.prefixes }) },
  }
}
