import type { Command as Verb } from "@imgmigrator/core/status"
import { placeOptions, readArguments } from "../arguments.ts"
import { connect, placeOf } from "../connect.ts"
import { runMigration } from "../run-migration.ts"
import { err, out } from "../terminal.ts"
import { type Command, placeHelp } from "./command.ts"

const options = { ...placeOptions, json: { type: "boolean" } } as const

const summaries: Readonly<Record<Verb, string>> = {
  pause: "let a migration rest; what is in flight is given up cleanly",
  resume: "let a paused migration, or one that stopped with a reason, go on",
  cancel: "end a migration for good; what has arrived stays",
  retry: "move the failed images of a completed migration again",
}

/**
 * Pause, resume, cancel or retry. Where a resumed or retried migration has no service to do its work, this process
 * becomes that service and stays until it ends.
 */
export const control = (verb: Verb): Command => ({
  usage: `${verb} <id> [options]`,
  summary: summaries[verb],
  help: `  --json             print the migration as one line of JSON
${placeHelp}`,
  async run(args, stop) {
    const { values, positionals } = readArguments(args, options, ["id"])
    const [id = ""] = positionals
    const starts = verb === "resume" || verb === "retry"
    const reach = () => connect(placeOf(values), verb, starts)
    const connection = await reach()
    try {
      const migration = await connection.api.command(verb, id)
      if (starts && connection.kind === "inside") {
        err(`${id} is ${migration.status}.`)
        const again = `Run "imgmigrator resume ${id}"`
        return await runMigration(id, connection, {
          json: values.json ?? false,
          reconnect: reach,
          stop,
          again,
        })
      }
      out(values.json ? JSON.stringify(migration) : `${id} is ${migration.status}.`)
      return 0
    } finally {
      await connection.close()
    }
  },
})
