import type { Migration } from "@imgmigrator/core/migration"
import { ReportEntry } from "@imgmigrator/core/outcome"
import * as z from "zod"
import type { Connection } from "./connect.ts"
import { follow } from "./follow.ts"
import { outcomeText } from "./show/outcome.ts"
import { painter as newPainter } from "./show/painter.ts"
import { err, out } from "./terminal.ts"

export type RunOptions = {
  readonly json: boolean
  readonly reconnect: () => Promise<Connection>
  readonly stop: AbortSignal
  /** What to type to go on after an interruption. */
  readonly again: string
}

/** All there · some failed · it could not run or did not end. */
const exitCodes: Readonly<Record<Migration["status"], number>> = {
  completed: 0,
  completed_with_failures: 1,
  failed: 2,
  cancelled: 2,
  pending: 2,
  running: 2,
  paused: 2,
}

/** Watch a migration to its end, print what became of it to stdout, close the connection. Returns the exit code. */
export async function runMigration(id: string, first: Connection, options: RunOptions): Promise<number> {
  let connection = first
  const painter = newPainter()
  try {
    const reconnect = async () => {
      connection = await options.reconnect()
      return connection
    }
    const { progress } = await follow(id, connection, reconnect, painter, options.stop)
    painter.clear()
    if (options.stop.aborted) {
      err(interrupted(connection, id, options.again))
      return 2
    }
    const migration = await connection.api.get(id)
    if (options.json) out(JSON.stringify({ ...migration, cost: progress?.cost }))
    else out(outcomeText(migration, await firstFailures(connection, migration)))
    return exitCodes[migration.status]
  } finally {
    painter.clear()
    await connection.close()
  }
}

const interrupted = ({ kind }: Connection, id: string, again: string) =>
  kind === "inside"
    ? `Stopped. ${again} to go on where it stopped.`
    : `The migration goes on without us. "imgmigrator cancel ${id}" ends it.`

const Page = z.object({ entries: z.array(ReportEntry) })

async function firstFailures(
  { api }: Connection,
  { id, totals }: Migration,
): Promise<readonly ReportEntry[]> {
  if (totals.failed === 0) return []
  const { text } = await api.report(id, { outcome: "failed", limit: "10" })
  return Page.parse(JSON.parse(text)).entries
}
