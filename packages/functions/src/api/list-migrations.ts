import { Fault } from "@imgmigrator/core/fault"
import { listMigrations } from "../db/migrations.ts"
import { route } from "../middleware/route.ts"
import { view } from "./migration.ts"
import { fitting } from "./pages.ts"
import { ListMigrations } from "./schemas.ts"

/**
 * `GET /api/v1/migrations`: the caller's, newest first. The cursor is the last id seen, looked up under the caller's own
 * key: one of another user's is only a place in this list.
 */
export const handler = route(ListMigrations, async ({ query, caller }) => {
  const { status, limit, cursor } = query
  if (cursor !== undefined && !/^[\w-]{1,64}$/.test(cursor))
    throw new Fault("invalid", "request.cursor", "cursor: take the one from the last answer, unchanged.")
  const { rows, after } = await listMigrations(caller.user_id, { status, limit, after: cursor })
  const migrations = await Promise.all(rows.map(view))
  const shown = migrations.slice(0, fitting(migrations))
  const next = shown.length < migrations.length ? shown.at(-1)?.id : after
  return { status: 200, body: { migrations: shown, cursor: next } }
})
