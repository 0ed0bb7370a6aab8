import { retryMigration } from "../db/retry.ts"
import { route } from "../middleware/route.ts"
import { knownId, view } from "./migration.ts"
import { OneMigration } from "./schemas.ts"
import { woken } from "./woken.ts"

/** `POST /api/v1/migrations/{id}/retry`: the failed items of an ended migration are moved again, and only those. */
export const handler = route(OneMigration, async ({ path, caller }) => {
  const { row } = await retryMigration(caller.user_id, knownId(path.id), Date.now())
  return { status: 200, body: await view(await woken(row)) }
})
