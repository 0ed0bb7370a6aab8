import { Fault } from "@imgmigrator/core/fault"
import { Resource } from "sst/resource"
import * as z from "zod"

const Linked = z.object({ value: z.string(), name: z.string(), url: z.string() }).partial()

/** A box or secret that SST linked to this function; `undefined` where it did not, or outside SST. */
function linked(name: string): z.infer<typeof Linked> {
  return name in Resource ? Linked.parse(Reflect.get(Resource, name)) : {}
}

/** One setting: the environment first, then the linked secret. Blank is absent (`sst secret load` stores blanks). */
function setting(name: string): string | undefined {
  return process.env[name]?.trim() || linked(name).value?.trim() || undefined
}

function missing(sentence: string, help: string): Fault {
  return new Fault("unavailable", "settings.missing", `${sentence}. ${help}`, { scope: "store" })
}

/** The DynamoDB table's name. Fault `unavailable settings.missing`. */
export function tableName(): string {
  const name = setting("TABLE_NAME") ?? linked("Table").name
  if (name) return name
  throw missing("TABLE_NAME is not configured", "Set it to the name of the DynamoDB table.")
}
