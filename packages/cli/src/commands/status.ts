import { placeOptions, readArguments } from "../arguments.ts"
import { connect, placeOf } from "../connect.ts"
import { progressText } from "../show/bar.ts"
import { plain } from "../show/format.ts"
import { outcomeText } from "../show/outcome.ts"
import { out } from "../terminal.ts"
import { type Command, placeHelp } from "./command.ts"

const options = { ...placeOptions, json: { type: "boolean" } } as const

export const status: Command = {
  usage: "status <id> [options]",
  summary: "one migration, and how far it is",
  help: `  --json             print it as one line of JSON
${placeHelp}`,
  async run(args) {
    const { values, positionals } = readArguments(args, options, ["id"])
    const [id = ""] = positionals
    const { api, close } = await connect(placeOf(values), "status", false)
    try {
      const [migration, progress] = [await api.get(id), await api.progress(id)]
      if (values.json) {
        out(JSON.stringify({ ...migration, progress: progress.progress, cost: progress.cost }))
        return 0
      }
      const { source, destination } = migration
      out(`${id}  ${migration.status}  ${plain(source)} → ${plain(destination)}`)
      out(
        migration.completed_at || migration.error
          ? outcomeText(migration, [])
          : progressText(progress, { items: progress.items_per_second, bytes: 0 }),
      )
      return 0
    } finally {
      await close()
    }
  },
}
