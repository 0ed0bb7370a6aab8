import { Fault } from "@imgmigrator/core/fault"
import { Resource } from "sst/resource"
import * as z from "zod"

const Linked = z.object({ value: z.string(), name: z.string(), url: z.string() }).partial()

/** A box or secret that SST linked to this function; nothing where it did not, or outside SST. */
function linked(name: string): z.infer<typeof Linked> {
  return name in Resource ? Linked.parse(Reflect.get(Resource, name)) : {}
}

/** One setting: the environment first, then the linked secret. Blank is absent (`sst secret load` stores blanks). */
export function setting(name: string): string | undefined {
  return process.env[name]?.trim() || linked(name).value?.trim() || undefined
}

export const isOn = (name: string): boolean =>
  !["", "0", "false", undefined].includes(process.env[name]?.trim())
const onLambda = (): boolean => Boolean(process.env.AWS_LAMBDA_FUNCTION_NAME)

/** A setting without which this can't be done: its name, and what to do. */
export const missing = (sentence: string, help: string): Fault =>
  new Fault("unavailable", "settings.missing", `${sentence}. ${help}`, { scope: "store" })

export const wrong = (sentence: string, options?: ErrorOptions): Fault =>
  new Fault("unavailable", "settings.invalid", sentence, { ...options, scope: "store" })

// Both make forged deliveries or private addresses acceptable, so a function that was given one does not even start.
for (const name of ["QSTASH_DEV", "IMGMIGRATOR_LOCAL"])
  if (onLambda() && isOn(name)) throw wrong(`${name} is set on Lambda. It is for local use only: remove it.`)

/** The local service: loopback addresses and `file:` stores are allowed. */
export const isLocal = (): boolean => isOn("IMGMIGRATOR_LOCAL")

/** The DynamoDB table's name. */
export function tableName(): string {
  const name = setting("TABLE_NAME") ?? linked("Table").name
  if (name) return name
  throw missing("TABLE_NAME is not configured", "Set it to the name of the DynamoDB table.")
}

/** MIGRATION_RETENTION_DAYS: ended migrations are deleted after so many days; `undefined`: never. */
export function retentionDays(): number | undefined {
  const days = setting("MIGRATION_RETENTION_DAYS")
  if (days === undefined) return undefined
  const parsed = z.coerce.number().int().min(1).safeParse(days)
  if (parsed.success) return parsed.data
  throw wrong(`MIGRATION_RETENTION_DAYS is "${days}". Use a whole number from 1.`)
}

/**
 * BASE_URL, or the worker's function URL where SST linked it. `undefined` where there is neither; Fault
 * `unavailable settings.invalid` where it is no URL that a path can be put behind.
 */
export function baseUrl(): URL | undefined {
  return complete(setting("BASE_URL")) ?? complete(linked("Worker").url)
}

/** BASE_URL alone: what the whole service is known as, and so what deliveries must be addressed to. */
export const configuredUrl = (): URL | undefined => complete(setting("BASE_URL"))

/** The name under which AWS serves this function, from an event. Outside Lambda it would be the caller's choice. */
export const servedUnder = (domainName: string | undefined): URL | undefined =>
  onLambda() && domainName ? new URL(`https://${domainName}`) : undefined

export const noBaseUrl = (): Fault =>
  missing("Webhook URL is not configured", "Set BASE_URL to the complete public URL of the service.")

function complete(base: string | undefined): URL | undefined {
  if (!base) return undefined
  const url = URL.canParse(base) ? new URL(base) : undefined
  if (url && /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username && !url.password)
    return url
  throw wrong("BASE_URL is not a complete http(s) URL, like https://imgmigrator.example.com.")
}
