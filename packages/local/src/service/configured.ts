import { availableParallelism } from "node:os"
import { Fault } from "@imgmigrator/core/fault"
import { findApiKey } from "@imgmigrator/functions/db/api-keys"
import { describeDispatcher } from "@imgmigrator/functions/dispatch/index"
import {
  deliveryParallelism,
  dispatcherSettings,
  qstashPlan,
  signingKeys,
} from "@imgmigrator/functions/dispatch/settings"
import { log } from "@imgmigrator/functions/log"
import { tableName } from "@imgmigrator/functions/settings"
import { storeCredentials } from "@imgmigrator/functions/store-settings"
import { publishTo, webhookPath } from "@imgmigrator/functions/webhooks/address"
import { startDoors } from "./doors.ts"
import { startSweeper } from "./sweeper.ts"

export type ConfiguredOptions = {
  readonly host: string
  readonly port: number
  readonly workers?: number
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
  const workers = options.workers ?? availableParallelism()
  process.env.WORKER_CONCURRENCY ??= String(workers)
  checkSettings()
  await checkTable()
  const { gateway, pool } = await startDoors({ ...options, workers })
  pool.warm()
  log.info("service started", { dispatcher: describeDispatcher(), base_url: publishTo(webhookPath), workers })
  const stopSweeping = startSweeper(sweepEveryMs)
  return {
    url: gateway.url,
    async close(graceMs = 25_000) {
      await stopSweeping()
      await Promise.all([pool.close(graceMs), gateway.close(graceMs + 1_000)])
    },
  }
}

const needed = [
  tableName,
  dispatcherSettings,
  signingKeys,
  () => publishTo(webhookPath),
  qstashPlan,
  deliveryParallelism,
  storeCredentials,
]

function checkSettings(): void {
  const problems = needed.flatMap((check) => {
    try {
      check()
      return []
    } catch (error) {
      if (error instanceof Fault) return [error.message]
      throw error
    }
  })
  if (problems.length > 0) throw new Fault("unavailable", "settings.missing", problems.join("\n"))
}

/** Any read will do: it shows region, credentials, permissions and the table's name at once. */
async function checkTable(): Promise<void> {
  try {
    await findApiKey("is the table there?")
  } catch (error) {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    throw new Fault(
      "unavailable",
      "dynamodb.failed",
      `The DynamoDB table ${tableName()} does not answer (${reason}).`,
      {
        cause: error,
      },
    )
  }
}
