import { readLanes } from "../db/lanes.ts"
import { progressView } from "../db/view.ts"
import { route } from "../middleware/route.ts"
import { ownMigration } from "./migration.ts"
import { OneMigration } from "./schemas.ts"

/** `GET /api/v1/migrations/{id}/progress`: counts, rate, time left. */
export const handler = route(OneMigration, async ({ path, caller }) => {
  const row = await ownMigration(caller.user_id, path.id)
  return { status: 200, body: progressView(row, await readLanes(row.id), Date.now()) }
})
