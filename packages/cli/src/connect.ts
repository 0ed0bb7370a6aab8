import { resolve } from "node:path"
import type { RunningOwner } from "@imgmigrator/local"
import { type Api, apiAt } from "./api.ts"
import { misused } from "./arguments.ts"
import { logToFile } from "./terminal.ts"

/** Where a command works: with a service elsewhere, or with that of a state folder on this machine. */
export type Place =
  | { readonly url: string; readonly key: string }
  | { readonly stateDir: string; readonly workers?: number | undefined }

export type Connection = {
  readonly api: Api
  /** `inside`: the service runs in this process and ends with it. */
  readonly kind: "elsewhere" | "attached" | "inside"
  close(): Promise<void>
}

type PlaceValues = {
  readonly api?: string | undefined
  readonly key?: string | undefined
  readonly state?: string | undefined
}

/** What was said on the command line, else in the environment: IMGMIGRATOR_API, IMGMIGRATOR_KEY, IMGMIGRATOR_STATE. */
export function placeOf(values: PlaceValues, env: NodeJS.ProcessEnv = process.env): Place {
  const url = values.api ?? (values.state === undefined ? env.IMGMIGRATOR_API || undefined : undefined)
  if (url === undefined) return { stateDir: stateDirOf(values, env) }
  if (values.state !== undefined) throw misused("--state is for the local service, --api for one elsewhere.")
  if (!URL.canParse(url) || !/^https?:/.test(url)) throw misused("--api must be the URL of a service.")
  const key = values.key ?? env.IMGMIGRATOR_KEY
  if (!key) throw misused("--api needs a key: --key KEY or IMGMIGRATOR_KEY.")
  return { url, key }
}

export const stateDirOf = ({ state }: PlaceValues, env: NodeJS.ProcessEnv = process.env): string =>
  resolve(state ?? (env.IMGMIGRATOR_STATE || ".imgmigrator"))

/**
 * Reach the place's service. A local one that runs already is used; else it is started in this process: to do the
 * work (`works`), or only to answer.
 */
export async function connect(place: Place, command: string, works: boolean): Promise<Connection> {
  if ("url" in place) return { api: apiAt(place.url, place.key), kind: "elsewhere", close: async () => {} }
  const { claimState } = await import("@imgmigrator/local/state/claim")
  const claim = await claimState(place.stateDir, { works })
  if ("owner" in claim) return attached(claim.owner)
  // Only now, since it is most of what takes time to load.
  const { startService } = await import("@imgmigrator/local/service/service")
  const log = logToFile(place.stateDir)
  const service = await startService({
    stateDir: place.stateDir,
    lock: claim.lock,
    command,
    works,
    log,
    ...(place.workers !== undefined && { workers: place.workers }),
  })
  return { api: apiAt(service.url, service.apiKey), kind: "inside", close: () => service.close() }
}

const attached = (owner: RunningOwner): Connection => ({
  api: apiAt(owner.url, owner.api_key),
  kind: "attached",
  close: async () => {},
})
