import { failurePath, webhookPath } from "./webhooks/address.ts"

type Limits = {
  /** Exported function, as AWS names it: the file without its ending, a dot, the export. */
  readonly handler: string
  readonly memory: `${number} MB`
  readonly timeout: `${number} seconds`
}

/**
 * A path of the HTTP API. `access`: `key` an API key, asked of the authorizer · `public` anyone · `qstash` a signature,
 * checked by the handler.
 */
export type Route = Limits & {
  readonly name: string
  readonly method: "GET" | "POST" | "DELETE"
  readonly path: `/api/v1/${string}`
  readonly access: "key" | "public" | "qstash"
}

/** A function that no route leads to. `url`: it has a function URL of its own. */
export type Job = Limits & { readonly name: string; readonly url?: true }

const at = (file: string) => `packages/functions/src/${file}.handler`
const api = { access: "key", memory: "512 MB", timeout: "10 seconds" } as const
const small = { access: "public", memory: "256 MB", timeout: "10 seconds" } as const

const migrations = "/api/v1/migrations"
const migration = `${migrations}/{id}` as const

/** The one table of what can be called: API Gateway, the local gateway and the API's description are made from it. */
export const routes: readonly Route[] = [
  { name: "create-migration", method: "POST", path: migrations, handler: at("api/create-migration"), ...api },
  { name: "list-migrations", method: "GET", path: migrations, handler: at("api/list-migrations"), ...api },
  { name: "get-migration", method: "GET", path: migration, handler: at("api/get-migration"), ...api },
  {
    name: "cancel-migration",
    method: "DELETE",
    path: migration,
    handler: at("api/cancel-migration"),
    ...api,
  },
  {
    name: "get-progress",
    method: "GET",
    path: `${migration}/progress`,
    handler: at("api/get-progress"),
    ...api,
  },
  { name: "get-report", method: "GET", path: `${migration}/report`, handler: at("api/get-report"), ...api },
  {
    name: "pause-migration",
    method: "POST",
    path: `${migration}/pause`,
    handler: at("api/pause-migration"),
    ...api,
  },
  {
    name: "resume-migration",
    method: "POST",
    path: `${migration}/resume`,
    handler: at("api/resume-migration"),
    ...api,
  },
  {
    name: "retry-migration",
    method: "POST",
    path: `${migration}/retry`,
    handler: at("api/retry-migration"),
    ...api,
  },
  { name: "get-health", method: "GET", path: "/api/v1/health", handler: at("api/get-health"), ...small },
  {
    name: "get-openapi",
    method: "GET",
    path: "/api/v1/openapi.json",
    handler: at("api/get-openapi"),
    ...small,
  },
  {
    // The worker's handler once more, for deliveries through API Gateway, which hangs up after 30 s: a function of its
    // own, so that the time it has left tells the truth.
    name: "receive-delivery",
    method: "POST",
    path: webhookPath,
    handler: at("webhooks/qstash"),
    access: "qstash",
    memory: "1024 MB",
    timeout: "29 seconds",
  },
  {
    name: "receive-failure",
    method: "POST",
    path: failurePath,
    handler: at("webhooks/failure"),
    ...small,
    access: "qstash",
  },
]

/** Deliveries end after two minutes at most; the rest is for a worker that does not notice. */
export const worker: Job = {
  name: "worker",
  handler: at("worker"),
  memory: "1024 MB",
  timeout: "300 seconds",
  url: true,
}

export const sweeper: Job = {
  name: "sweeper",
  handler: at("sweeper"),
  memory: "512 MB",
  timeout: "50 seconds",
}

export const authorizer: Job = {
  name: "authorizer",
  handler: at("api/authorizer"),
  memory: "512 MB",
  timeout: "10 seconds",
}

export const jobs: readonly Job[] = [worker, sweeper, authorizer]
