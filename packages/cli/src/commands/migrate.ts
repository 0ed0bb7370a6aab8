import { existsSync } from "node:fs"
import { accept, Fault } from "@imgmigrator/core/fault"
import { Options } from "@imgmigrator/core/migration"
import { nested, parseStoreRef } from "@imgmigrator/core/store-ref"
import { realPlace, refuseStateInside } from "@imgmigrator/local/state/place"
import type { Api, NewMigration } from "../api.ts"
import { misused, placeOptions, readArguments, wholeNumber } from "../arguments.ts"
import { connect, type Place, placeOf } from "../connect.ts"
import { findUnfinished, nameFor } from "../find.ts"
import { runMigration } from "../run-migration.ts"
import { count } from "../show/format.ts"
import { known, storeArgument } from "../store-argument.ts"
import { err } from "../terminal.ts"
import { type Command, placeHelp } from "./command.ts"

const options = {
  ...placeOptions,
  overwrite: { type: "string" },
  lanes: { type: "string" },
  concurrency: { type: "string" },
  include: { type: "string", multiple: true },
  exclude: { type: "string", multiple: true },
  "dry-run": { type: "boolean" },
  name: { type: "string" },
  workers: { type: "string" },
  json: { type: "boolean" },
} as const

export const migrate: Command = {
  usage: "migrate <source> <destination> [options]",
  summary: "move every image from one store to another, to the end",
  help: `  A store is a folder, s3://bucket/prefix?endpoint=…&region=…&credentials=NAME, or (as source)
  the address of a list: https://host/list.csv, .tsv, .ndjson, .txt or a sitemap .xml.

  --overwrite WHEN   what is there already: different (default), never, always
  --include GLOB     only keys that match (may be repeated)
  --exclude GLOB     no keys that match (may be repeated)
  --dry-run          only look what would be copied
  --lanes N          workers side by side (default 4)
  --concurrency N    images in flight per lane (default 16)
  --workers N        worker processes of the local service (default: one a core)
  --name NAME        what to call it in lists
  --json             print the migration as one line of JSON
${placeHelp}

  Run again, it goes on where it stopped. Exit code: 0 all there, 1 some failed, 2 it could not run.`,
  async run(args, stop) {
    const { values, positionals } = readArguments(args, options, ["source", "destination"])
    const wanted = wish(values, positionals)
    const workers = wholeNumber("workers", values.workers, 1)
    const chosen = placeOf(values)
    if ("url" in chosen && workers !== undefined)
      throw misused("--workers is for the local service, not for one elsewhere.")
    const place: Place = "url" in chosen ? chosen : { ...chosen, workers }
    if ("stateDir" in place) refuseImpossible(wanted, place.stateDir)
    const reach = () => connect(place, "migrate", true)
    const connection = await reach()
    try {
      if (stop.aborted) return 2
      const id = await startOrGoOn(connection.api, wanted)
      const again = "Run the same command again"
      return await runMigration(id, connection, { json: values.json ?? false, reconnect: reach, stop, again })
    } finally {
      await connection.close()
    }
  },
}

type Values = ReturnType<typeof readArguments<typeof options>>["values"]

function wish(values: Values, [source = "", destination = ""]: readonly string[]): NewMigration {
  const number = (name: "lanes" | "concurrency") => wholeNumber(name, values[name], 1)
  const asked = {
    overwrite: values.overwrite,
    lanes: number("lanes"),
    concurrency: number("concurrency"),
    include: values.include,
    exclude: values.exclude,
    dry_run: values["dry-run"],
  }
  const stores = {
    source: storeArgument("source", source),
    destination: storeArgument("destination", destination),
  }
  const wanted = { ...stores, options: known("options", () => accept(Options, asked, "cli.usage")) }
  return { ...wanted, name: nameFor(wanted, values.name) }
}

/** What can be told before anything is made: the folders of this machine, symbolic links resolved. */
function refuseImpossible(wanted: NewMigration, stateDir: string): void {
  const [source, destination] = [parseStoreRef(wanted.source), parseStoreRef(wanted.destination)]
  if (source.type !== "file") return
  if (!existsSync(source.path))
    throw new Fault("missing", "source.missing", `There is no folder ${source.path}.`)
  refuseStateInside(source.path, stateDir)
  if (destination.type !== "file") return
  const real = [source, destination].map((ref) => ({ ...ref, path: realPlace(ref.path) }))
  if (real[0] && real[1] && nested(real[0], real[1]))
    throw new Fault(
      "invalid",
      "store.nested",
      `${source.path} and ${destination.path} lie inside one another; choose a folder beside it.`,
    )
}

/** The id of the migration to watch: one that did not end goes on, else a new one is made. */
async function startOrGoOn(api: Api, wanted: NewMigration): Promise<string> {
  const found = await findUnfinished(api, wanted)
  if (!found) return (await api.create(wanted)).id
  const { id, status, totals } = found
  if (status === "paused" || status === "failed") await api.command("resume", id)
  err(
    `Going on with ${id}: ${count(totals.discovered - totals.remaining)} of ${count(totals.discovered)} are done.`,
  )
  return id
}
