import { resumeMigration } from "../db/migrations.ts"
import { route } from "../middleware/route.ts"
import { knownId, view } from "./migration.ts"
import { OneMigration } from "./schemas.ts"
import { woken } from "./woken.ts"

/** `POST /api/v1/migrations/{id}/resume`: a paused or failed one runs again; one that runs is only woken again. */
export const handler = route(OneMigration, async ({ path, caller }) => {
  const { row } = await resumeMigration(caller.user_id, knownId(path.id), Date.now())
  return { status: 200, body: await view(await woken(row)) }
})
