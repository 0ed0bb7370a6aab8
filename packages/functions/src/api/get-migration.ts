import { route } from "../middleware/route.ts"
import { ownMigration, view } from "./migration.ts"
import { OneMigration } from "./schemas.ts"

/** `GET /api/v1/migrations/{id}`. */
export const handler = route(OneMigration, async ({ path, caller }) => ({
  status: 200,
  body: await view(await ownMigration(caller.user_id, path.id)),
}))
