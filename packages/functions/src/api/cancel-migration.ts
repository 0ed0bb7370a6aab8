import { cancel } from "../jobs/cancel.ts"
import { route } from "../middleware/route.ts"
import { knownId, view } from "./migration.ts"
import { OneMigration } from "./schemas.ts"

/** `DELETE /api/v1/migrations/{id}`: ends it for good; what has arrived stays. Cancelled already: the same answer. */
export const handler = route(OneMigration, async ({ path, caller }) => {
  return { status: 200, body: await view(await cancel(caller.user_id, knownId(path.id))) }
})
