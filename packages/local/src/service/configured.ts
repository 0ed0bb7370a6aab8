import { availableParallelism } from "node:os"
import { Fault } from "@imgmigrator/core/fault"
import { checkCredentials, checkRegion, createTable, enableExpiry } from "@imgmigrator/functions/db/table"
import { closeSinks } from "@imgmigrator/functions/dispatch/celery-sink"
import { describeDispatcher } from "@imgmigrator/functions/dispatch/index"
import {
  deliveryParallelism,
  dispatcherSettings,
  qstashPlan,
  reservedConcurrency,
  signingKeys,
} from "@imgmigrator/functions/dispatch/settings"
import { log } from "@imgmigrator/functions/log"
import { tableName } from "@imgmigrator/functions/settings"
import { storeCredentials } from "@imgmigrator/functions/store-settings"
import { publishTo, webhookPath } from "@imgmigrator/functions/webhooks/address"
import { startDoors } from "./doors.ts"
import { touchTable } from "./readiness.ts"
import { startSweeper } from "./sweeper.ts"

export type ConfiguredOptions = {
  readonly host: string
  readonly port: number
  /** Worker processes; default WORKER_CONCURRENCY, else one a core. */
  readonly workers?: number
  /** Make the table where there is none. */
  readonly createTable?: boolean
  log(line: string): void
}
export type Configured = { readonly url: string; close(graceMs?: number): Promise<void> }

/** As the sweeper's schedule in AWS. */
const sweepEveryMs = 60_000

/**
 * The service with nothing of its own: DynamoDB, QStash (or Celery) and the public address all come from settings.
 * Fault `unavailable settings.missing` with a line for each that is missing or wrong; `unavailable dynamodb.failed`
 * where the table does not answer.
 */
export async function startConfigured(options: ConfiguredOptions): Promise<Configured> {
  await checkSettings()
  const workers = options.workers ?? reservedConcurrency() ?? availableParallelism()
  process.env.WORKER_CONCURRENCY ??= String(workers)
  await checkTable(options.createTable ?? false)
  const { gateway, pool } = await startDoors({ ...options, workers })
  pool.warm()
  log.info("service started", {
    url: gateway.url,
    dispatcher: describeDispatcher(),
    deliveries: publishTo(webhookPath),
    workers,
  })
  const stopSweeping = startSweeper(sweepEveryMs)
  return {
    url: gateway.url,
    async close(graceMs = 25_000) {
      log.info("service ending", { running: pool.running() })
      await stopSweeping()
      await Promise.all([pool.close(graceMs), gateway.close(graceMs + 1_000)])
      await closeSinks()
    },
  }
}

const needed: readonly (() => unknown)[] = [
  tableName,
  checkRegion,
  checkCredentials,
  dispatcherSettings,
  signingKeys,
  () => publishTo(webhookPath),
  qstashPlan,
  deliveryParallelism,
  storeCredentials,
]

/** All of them are looked at, so that one start tells everything there is to repair. */
async function checkSettings(): Promise<void> {
  const results = await Promise.allSettled(needed.map(async (check) => check()))
  const problems = results.flatMap((result) => {
    if (result.status === "fulfilled") return []
    if (result.reason instanceof Fault) return [result.reason.message]
    throw result.reason
  })
  if (problems.length > 0) throw new Fault("unavailable", "settings.missing", problems.join("\n"))
}

async function checkTable(isMade: boolean): Promise<void> {
  try {
    if (isMade) {
      await createTable()
      await enableExpiry()
    }
    await touchTable()
  } catch (error) {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    const help =
      error instanceof Error && error.name === "ResourceNotFoundException"
        ? " Make it with: imgmigrator serve --no-local --create-table"
        : ""
    throw new Fault(
      "unavailable",
      "dynamodb.failed",
      `The DynamoDB table ${tableName()} does not answer (${reason}).${help}`,
      { cause: error },
    )
  }
}
