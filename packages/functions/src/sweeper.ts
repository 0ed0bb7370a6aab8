import { retireEnded } from "./jobs/retire.ts"
import { sweep } from "./jobs/sweep.ts"
import { log } from "./log.ts"
import { count, flushMetrics } from "./metrics.ts"

/** Of a minute, for what is not urgent. */
const retireMs = 20_000

/** Once a minute (CronV2): whatever has work and nobody at it is dispatched again; what has ended gets its date of deletion. */
export async function handler(): Promise<void> {
  try {
    log.info("swept", await sweep())
    count("Sweeps")
    const retired = await retireEnded(Date.now() + retireMs)
    if (retired > 0) log.info("ended migrations will be deleted", { retired })
  } catch (error) {
    log.error("sweep failed", { error })
    throw error
  } finally {
    flushMetrics()
  }
}
