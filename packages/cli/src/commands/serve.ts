import { Fault } from "@imgmigrator/core/fault"
import type { RunningOwner } from "@imgmigrator/local"
import { misused, readArguments, wholeNumber } from "../arguments.ts"
import { stateDirOf } from "../connect.ts"
import { err, out } from "../terminal.ts"
import type { Command } from "./command.ts"

const options = {
  port: { type: "string" },
  host: { type: "string" },
  state: { type: "string" },
  workers: { type: "string" },
  "no-local": { type: "boolean" },
  "create-table": { type: "boolean" },
} as const

export const serve: Command = {
  usage: "serve [options]",
  summary: "run the service: the HTTP API, deliveries, workers",
  help: `  --port PORT        default 3000, or PORT
  --host ADDRESS     default 127.0.0.1; with --no-local 0.0.0.0
  --state DIR        where DynamoDB's data and the keys are (default .imgmigrator)
  --workers N        worker processes (default: one a core; with --no-local WORKER_CONCURRENCY)
  --no-local         start no DynamoDB and no QStash: everything comes from settings
                     (TABLE_NAME, AWS_*, BASE_URL, QSTASH_TOKEN, QSTASH_CURRENT_SIGNING_KEY; or
                     CELERY_BROKER_URL, CELERY_SIGNING_KEY)
  --create-table     with --no-local: make the DynamoDB table if there is none`,
  async run(args, stop) {
    const { values } = readArguments(args, options)
    const port = wholeNumber("port", values.port ?? (process.env.PORT || "3000"), 0)
    if (port === undefined || port > 65_535) throw misused("--port must be a whole number up to 65535.")
    const workers = wholeNumber("workers", values.workers, 1)
    const common = { port, log: err, ...(workers !== undefined && { workers }) }
    if (values["no-local"]) {
      if (values.state !== undefined) throw misused("--state is for the local service, --no-local has none.")
      const createTable = values["create-table"] ?? false
      return serveConfigured({ ...common, host: values.host ?? "0.0.0.0", createTable }, stop)
    }
    if (values["create-table"])
      throw misused("--create-table goes with --no-local; the local service has a table.")
    return serveLocal({ ...common, host: values.host ?? "127.0.0.1" }, stateDirOf(values), stop)
  },
}

type Listen = {
  readonly host: string
  readonly port: number
  readonly workers?: number
  log(line: string): void
}

async function serveLocal(listen: Listen, stateDir: string, stop: AbortSignal): Promise<number> {
  const { claimState, startService } = await import("@imgmigrator/local")
  const claim = await claimState(stateDir)
  if ("owner" in claim) throw owned(stateDir, claim.owner)
  const service = await startService({ ...listen, stateDir, lock: claim.lock, command: "serve" }).catch(
    explain(listen),
  )
  out(`ImgMigrator serves ${service.url}/api/v1, with its state in ${stateDir}.`)
  out(`"imgmigrator keys create --user NAME --state ${stateDir}" makes an API key. Ctrl-C ends it.`)
  await ended(stop)
  err("Ending: what is in flight is booked.")
  await service.close()
  return 0
}

async function serveConfigured(
  listen: Listen & { readonly createTable: boolean },
  stop: AbortSignal,
): Promise<number> {
  const { startConfigured } = await import("@imgmigrator/local")
  const service = await startConfigured(listen).catch(explain(listen))
  out(`ImgMigrator serves ${service.url}/api/v1.`)
  await ended(stop)
  await service.close()
  return 0
}

const ended = (stop: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (stop.aborted) return resolve()
    stop.addEventListener("abort", () => resolve(), { once: true })
  })

const owned = (stateDir: string, { pid, command, started_at, url }: RunningOwner) =>
  new Fault(
    "conflict",
    "state.owned",
    `${stateDir} belongs to process ${pid} (imgmigrator ${command}, since ${started_at}), which serves ${url}. End that process, or choose another folder with --state DIR.`,
  )

/** The operating system's word for what is wrong with the address, in ours. */
const explain =
  ({ host, port }: Listen) =>
  (error: unknown): never => {
    const code = error instanceof Error && "code" in error ? error.code : undefined
    const reasons: Readonly<Record<string, string>> = {
      EADDRINUSE: `Port ${port} of ${host} is in use. Choose another with --port.`,
      EACCES: `Port ${port} may not be used by this user. Choose one from 1024 with --port.`,
      EADDRNOTAVAIL: `${host} is no address of this machine. Choose another with --host.`,
      ENOTFOUND: `${host} is no address of this machine. Choose another with --host.`,
    }
    const reason = reasons[String(code)]
    throw reason === undefined ? error : new Fault("unavailable", "serve.address", reason, { cause: error })
  }
