import { retireEnded } from "@imgmigrator/functions/jobs/retire"
import { sweep } from "@imgmigrator/functions/jobs/sweep"
import { log } from "@imgmigrator/functions/log"

/** Sweep now, and again `everyMs` after each sweep has ended. Returns how to stop; a sweep under way is awaited. */
export function startSweeper(everyMs: number): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const once = async (): Promise<void> => {
    try {
      await sweep()
      await retireEnded(Date.now() + everyMs)
    } catch (error) {
      if (!stopped) log.error("sweep failed", { error })
    }
    if (!stopped) timer = setTimeout(next, everyMs)
  }
  let running = Promise.resolve()
  const next = () => {
    running = once()
  }
  next()
  return () => {
    stopped = true
    clearTimeout(timer)
    return running
  }
}
