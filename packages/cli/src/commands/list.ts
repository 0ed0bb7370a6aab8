import { Status } from "@imgmigrator/core/status"
import { misused, placeOptions, readArguments } from "../arguments.ts"
import { connect, placeOf } from "../connect.ts"
import { count, plain } from "../show/format.ts"
import { out } from "../terminal.ts"
import { type Command, placeHelp } from "./command.ts"

const options = { ...placeOptions, status: { type: "string" }, json: { type: "boolean" } } as const

export const list: Command = {
  usage: "list [options]",
  summary: "all migrations, newest first",
  help: `  --status STATUS    only those that are: ${Status.options.join(", ")}
  --json             a line of JSON for each
${placeHelp}`,
  async run(args, stop) {
    const { values } = readArguments(args, options)
    const status = values.status === undefined ? undefined : Status.safeParse(values.status).data
    if (values.status !== undefined && !status)
      throw misused(`--status must be one of ${Status.options.join(", ")}.`)
    const connection = await connect(placeOf(values), "list", false)
    try {
      for await (const migration of connection.api.list(status)) {
        if (stop.aborted) break
        const { id, totals, created_at, source, destination } = migration
        const done = `${count(totals.discovered - totals.remaining)}/${count(totals.discovered)}`
        const line = [id, migration.status, done, created_at, `${source} → ${destination}`]
          .map(plain)
          .join("  ")
        out(values.json ? JSON.stringify(migration) : line)
      }
      return stop.aborted ? 2 : 0
    } finally {
      await connection.close()
    }
  },
}
