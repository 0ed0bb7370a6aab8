import { misused, placeOptions, readArguments } from "../arguments.ts"
import { connect, placeOf } from "../connect.ts"
import { reportText } from "../show/report.ts"
import { write } from "../terminal.ts"
import { type Command, placeHelp } from "./command.ts"

const options = { ...placeOptions, outcome: { type: "string" }, format: { type: "string" } } as const
const outcomes = ["migrated", "skipped", "failed", "remaining"]
const formats = ["text", "csv", "ndjson"]

export const report: Command = {
  usage: "report <id> [options]",
  summary: "every image of a migration, with its outcome",
  help: `  --outcome OUTCOME  only those that are: ${outcomes.join(", ")}
  --format FORMAT    text (default), csv, ndjson
${placeHelp}`,
  async run(args, stop) {
    const { values, positionals } = readArguments(args, options, ["id"])
    const [id = ""] = positionals
    const { outcome, format = "text" } = values
    if (outcome !== undefined && !outcomes.includes(outcome))
      throw misused(`--outcome must be one of ${outcomes.join(", ")}.`)
    if (!formats.includes(format)) throw misused(`--format must be one of ${formats.join(", ")}.`)
    const { api, close } = await connect(placeOf(values), "report", false)
    try {
      let cursor: string | undefined
      do {
        const asText = format === "text"
        const page = await api.report(id, { outcome, format: asText ? "ndjson" : format, cursor })
        await write(asText ? reportText(page.text) : page.text)
        cursor = page.next
      } while (cursor !== undefined && !stop.aborted)
      return stop.aborted ? 2 : 0
    } finally {
      await close()
    }
  },
}
