import { getMigration } from "../db/migrations.ts"
import type { MigrationRow } from "../db/rows.ts"
import { wakeMigration } from "../jobs/wake.ts"

/** Wake a migration. Where no message could be sent, the row now says what it waits for. */
export const woken = async (row: MigrationRow): Promise<MigrationRow> =>
  (await wakeMigration(row)) ? row : ((await getMigration(row.user_id, row.id)) ?? row)
