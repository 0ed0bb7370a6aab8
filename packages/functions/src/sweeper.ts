import { sweep } from "./jobs/sweep.ts"
import { log } from "./log.ts"
import { count, flushMetrics } from "./metrics.ts"

/** Once a minute (CronV2): whatever has work and nobody at it is dispatched again. */
export async function handler(): Promise<void> {
  try {
    log.info("swept", await sweep())
    count("Sweeps")
  } catch (error) {
    log.error("sweep failed", { error })
    throw error
  } finally {
    flushMetrics()
  }
}
