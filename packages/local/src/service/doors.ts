import { log as journal } from "@imgmigrator/functions/log"
import { authorizer, type Route, routes, worker } from "@imgmigrator/functions/routes"
import { webhookPath } from "@imgmigrator/functions/webhooks/address"
import { type Gateway, startGateway } from "../gateway/gateway.ts"
import { type Call, contextOf, type Invocation } from "../gateway/invoke.ts"
import { loadHandler } from "../gateway/load.ts"
import { createPool, type Pool } from "../workers/pool.ts"
import { readiness, readyRoute } from "./readiness.ts"
import { refusalOf } from "./state-guard.ts"

export type Doors = { readonly gateway: Gateway; readonly pool: Pool }

export type DoorOptions = {
  readonly host: string
  readonly port: number
  readonly workers: number
  /** The service's own folder, which no migration may read. */
  readonly stateDir?: string
  /** What each worker process runs; default: the pool's own. */
  readonly workerProgram?: string
  /** A line that a worker writes. */
  log(line: string): void
}

/**
 * All routes on one port: deliveries run in worker processes, everything else in this one. Both read their settings
 * from this process's environment as it then is.
 */
export async function startDoors(options: DoorOptions): Promise<Doors> {
  const { host, port, workers, stateDir, workerProgram: program, log } = options
  const pool = createPool({ size: workers, env: process.env, log, ...(program !== undefined && { program }) })
  const gateway = await startGateway<Route | typeof readyRoute>({
    host,
    port,
    routes: [...routes, readyRoute],
    invoke: async (route, event, requestId, gone) => {
      if (!("handler" in route)) return readiness()
      // The function URL's function and its time: no API Gateway hangs up here.
      if (route.path === webhookPath) return pool.run(callOf(worker, event, requestId), gone)
      const isCreation = route.name === "create-migration"
      const refusal = isCreation && stateDir !== undefined ? refusalOf(event, stateDir) : undefined
      return refusal ?? callHere(callOf(route, event, requestId))
    },
    authorizer: (event, requestId) => callHere(callOf(authorizer, event, requestId)),
  })
  return { gateway, pool }
}

type Limits = Pick<Route, "handler" | "memory" | "timeout">

/** `10 seconds`, `512 MB`: as the route table has them. */
const callOf = ({ handler, memory, timeout }: Limits, event: unknown, requestId: string): Call => ({
  handler,
  event,
  requestId,
  timeoutMs: Number.parseInt(timeout, 10) * 1_000,
  memoryMb: Number.parseInt(memory, 10),
})

/** Call a function in this process. It can't be killed when its time is up, only given up. */
async function callHere(call: Call): Promise<Invocation> {
  const { promise: late, resolve } = Promise.withResolvers<Invocation>()
  const timer = setTimeout(() => resolve({ failed: "timed out" }), call.timeoutMs)
  const run = async (): Promise<Invocation> => {
    try {
      const handler = await loadHandler(call.handler)
      return { result: await handler(call.event, contextOf(call)) }
    } catch (error) {
      journal.error("function failed", { handler: call.handler, error })
      return { failed: "error" }
    }
  }
  return Promise.race([run(), late]).finally(() => clearTimeout(timer))
}
