import { Fault } from "@imgmigrator/core/fault"
import type { Migration } from "@imgmigrator/core/migration"
import { readLanes } from "../db/lanes.ts"
import { getMigration } from "../db/migrations.ts"
import type { MigrationRow } from "../db/rows.ts"
import { migrationView } from "../db/view.ts"

/** The user's migration as the API shows it; the lanes are read only where the row has no final totals yet. */
export const view = async (row: MigrationRow): Promise<Migration> =>
  migrationView(row, row.totals ? [] : await readLanes(row.id))

/** The user's migration. Fault `missing migration.missing`: there is none, or it is another user's. */
export async function ownMigration(userId: string, id: string): Promise<MigrationRow> {
  const row = isId(id) ? await getMigration(userId, id) : undefined
  if (!row) throw missing(id)
  return row
}

/** Whatever could not be an id is simply not there. */
export function knownId(id: string): string {
  if (!isId(id)) throw missing(id)
  return id
}

const isId = (id: string) => /^[\w-]{1,64}$/.test(id)

const missing = (id: string) =>
  new Fault("missing", "migration.missing", `There is no migration ${JSON.stringify(id.slice(0, 64))}.`)
