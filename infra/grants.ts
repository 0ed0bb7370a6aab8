import { bucketAccess } from "./buckets.ts"
import { secrets } from "./secrets.ts"
import { settings } from "./settings.ts"
import { table, tableAccess } from "./table.ts"

/** What a function does to the world around it. */
export type Deed = "authorize" | "read" | "write" | "sweep" | "publish" | "verify" | "move" | "check"

const text = (value: string | number | undefined) => (value === undefined ? [] : [String(value)])
const variables = (names: readonly (keyof typeof settings)[]) =>
  Object.fromEntries(
    names.flatMap((name) => {
      const value = settings[name]
      return Array.isArray(value) || typeof value === "boolean" ? [] : text(value).map((each) => [name, each])
    }),
  )

const permissions: Partial<Record<Deed, NonNullable<sst.aws.FunctionArgs["permissions"]>>> = {
  authorize: tableAccess.readKeys,
  read: tableAccess.read,
  write: tableAccess.write,
  sweep: tableAccess.findActive,
  move: [...tableAccess.endUploads, ...bucketAccess],
}

const links: Partial<Record<Deed, unknown[]>> = {
  authorize: [table],
  read: [table],
  publish: [secrets.token],
  verify: [secrets.currentKey, secrets.nextKey],
  move: [secrets.stores],
  // To say which are missing or wrong, by name.
  check: [table, ...Object.values(secrets)],
}

const publishing = variables(["BASE_URL", "QSTASH_URL", "QSTASH_PLAN", "WORKER_CONCURRENCY"])
const environments: Partial<Record<Deed, Record<string, string>>> = {
  publish: publishing,
  check: publishing,
  verify: variables(["BASE_URL"]),
  write: variables(["MIGRATION_RETENTION_DAYS"]),
}

/** The links, permissions and settings that go with what a function does; nothing for what it does not. */
export function granted(deeds: readonly Deed[]) {
  return {
    link: [...new Set(deeds.flatMap((deed) => links[deed] ?? []))],
    environment: Object.assign({}, ...deeds.map((deed) => environments[deed])),
    permissions: $resolve(deeds.map((deed) => permissions[deed] ?? [])).apply((each) => each.flat()),
  }
}
