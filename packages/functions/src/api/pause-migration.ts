import { pauseMigration } from "../db/migrations.ts"
import { route } from "../middleware/route.ts"
import { knownId, view } from "./migration.ts"
import { OneMigration } from "./schemas.ts"

/** `POST /api/v1/migrations/{id}/pause`: what is in flight is aborted, nothing new begins. Paused already: the same answer. */
export const handler = route(OneMigration, async ({ path, caller }) => {
  const { row } = await pauseMigration(caller.user_id, knownId(path.id), Date.now())
  return { status: 200, body: await view(row) }
})
