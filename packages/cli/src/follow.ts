import { setTimeout as sleep } from "node:timers/promises"
import { Fault } from "@imgmigrator/core/fault"
import type { Progress } from "@imgmigrator/core/migration"
import { hasEnded } from "@imgmigrator/core/status"
import type { Connection } from "./connect.ts"
import type { Painter } from "./show/painter.ts"

export type Followed = {
  /** The last progress seen; of a migration that has ended or stopped, unless `stop` was aborted. */
  readonly progress: Progress | undefined
  /** The connection in use at the end: a service that went away may have been replaced by one in this process. */
  readonly connection: Connection
}

const everyMs = { inside: 250, attached: 250, elsewhere: 2_000 }
/** How long a service elsewhere may be out of reach. */
const patienceMs = 5 * 60_000

/**
 * Watch a migration until it ends, stops with a reason, or `stop` is aborted. Where the service that was attached to
 * ends meanwhile, `reconnect` finds or starts the next; the state is the same, so the migration goes on.
 */
export async function follow(
  id: string,
  first: Connection,
  reconnect: () => Promise<Connection>,
  painter: Painter,
  stop: AbortSignal,
): Promise<Followed> {
  let connection = first
  let progress: Progress | undefined
  let seen = performance.now()
  while (!stop.aborted) {
    try {
      progress = await connection.api.progress(id)
      seen = performance.now()
      painter.paint(progress)
      if (hasEnded(progress.status) || progress.status === "failed") break
    } catch (error) {
      if (stop.aborted) break
      if (!isLost(error) || performance.now() - seen > patienceMs) throw error
      if (connection.kind === "attached") {
        painter.say("The service that did the work has ended; going on.")
        connection = await reconnect()
        continue
      }
    }
    await pause(everyMs[connection.kind], stop)
  }
  return { progress, connection }
}

const isLost = (error: unknown) => error instanceof Fault && error.kind === "unavailable"

/** Ends early, without complaint, when the signal is aborted. */
const pause = (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal }).catch(() => {})
