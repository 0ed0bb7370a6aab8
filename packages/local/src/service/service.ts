import { availableParallelism } from "node:os"
import { expireLeases } from "@imgmigrator/functions/db/lanes"
import { createTable } from "@imgmigrator/functions/db/table"
import type { QStash } from "qstash-local"
import { startDynamo } from "../dynamo/start.ts"
import type { Lock } from "../state/lock.ts"
import { type Owner, removeOwner, writeOwner } from "../state/owner.ts"
import { type Secrets, secretsOf } from "../state/secrets.ts"
import { localApiKey } from "./api-key.ts"
import { startDoors } from "./doors.ts"
import { enter, localEnvironment } from "./environment.ts"

export type ServiceOptions = {
  readonly stateDir: string
  /** Of `claimState` for that folder; the service releases it when it closes, or if it can't start. */
  readonly lock: Lock
  /** What it is started as, for whoever finds the folder taken: `serve`, `migrate`. */
  readonly command: string
  /** Default: any free port. */
  readonly port?: number
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Worker processes; default: one a core. */
  readonly workers?: number
  /** What each of them runs; default: the program of this package. */
  readonly workerProgram?: string
  /** Do the work? Without it only the API answers, and no migration moves. */
  readonly works?: boolean
  /** A line that a worker writes. */
  log?(line: string): void
}

export type Service = {
  readonly url: string
  readonly apiKey: string
  readonly stateDir: string
  /** Deliveries checkpoint and end within `graceMs` (default 10 s); everything started is ended. */
  close(graceMs?: number): Promise<void>
}

const sweepEveryMs = 2_000

/**
 * The whole service on this machine, with its state in one folder: DynamoDB, QStash, gateway, workers, sweeper. One at a
 * time in a process, since handlers read its environment. Unfinished migrations of the folder go on at once.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const undo: (() => unknown)[] = [options.lock.release]
  try {
    return await start(options, undo)
  } catch (error) {
    for (const step of undo.reverse()) await step()
    throw error
  }
}

async function start(options: ServiceOptions, undo: (() => unknown)[]): Promise<Service> {
  const { stateDir, works = true, workers = availableParallelism(), log = console.error } = options
  const owner: Owner = {
    pid: process.pid,
    command: options.command,
    works,
    started_at: new Date().toISOString(),
  }
  writeOwner(stateDir, owner)
  undo.push(() => removeOwner(stateDir))

  const secrets = secretsOf(stateDir)
  const dynamo = await startDynamo(stateDir)
  undo.push(() => dynamo.close())
  const { gateway, pool } = await startDoors({
    host: options.host ?? "127.0.0.1",
    port: options.port ?? 0,
    workers,
    stateDir,
    ...(options.workerProgram !== undefined && { workerProgram: options.workerProgram }),
    log,
  })
  undo.push(() => gateway.close())
  const { url } = gateway
  const qstash = works ? await startQueue(secrets) : undefined
  undo.push(() => qstash?.close())
  // Workers are started with the environment as it then is, so it is complete before the first.
  const addresses = { dynamodb: dynamo.endpoint, gateway: url, qstash: qstash?.url }
  undo.push(enter(localEnvironment(secrets, addresses, workers)))
  let grace = 0
  undo.push(() => pool.close(grace))
  if (works) pool.warm()
  await createTable()
  const apiKey = await localApiKey(stateDir, secrets)
  if (works) {
    await expireLeases()
    const { startSweeper } = await import("./sweeper.ts")
    undo.push(startSweeper(sweepEveryMs))
  }
  writeOwner(stateDir, { ...owner, url, api_key: apiKey, dynamodb: dynamo.endpoint })
  return {
    url,
    apiKey,
    stateDir,
    async close(graceMs = 10_000) {
      grace = graceMs
      for (const step of undo.splice(0).reverse()) await step()
    },
  }
}

/** Loaded, like the sweeper, only by a service that works: `list` needs neither. */
async function startQueue(secrets: Secrets): Promise<QStash> {
  const { startQStash } = await import("qstash-local")
  return startQStash({
    port: 0,
    token: secrets.qstash_token,
    currentSigningKey: secrets.current_signing_key,
    nextSigningKey: secrets.next_signing_key,
  })
}
