import { publicRoute } from "../middleware/route.ts"
import { openapi } from "../openapi/document.ts"

let text: string | undefined

/** `GET /api/v1/openapi.json`: this API, made from the very schemas that check it. */
export const handler = publicRoute(async () => {
  text ??= JSON.stringify(openapi())
  return { status: 200, headers: { "cache-control": "public, max-age=300" }, body: text }
})
