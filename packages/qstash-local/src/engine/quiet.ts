import { deferred } from "../state/deferred.ts"

/** Counts what is going on and tells when it has stopped. */
export type Activity = {
  begin(): () => void
  /** Resolves when nothing is going on. */
  idle(): Promise<void>
  /** As idle, but no longer waits for what has made no progress for `patience` ms of real time. */
  quiet(patience: number): Promise<void>
}

export function createActivity(): Activity {
  type Doing = { stuck: boolean }
  const doings = new Set<Doing>()
  const watchers = new Set<() => void>()

  const stuck = () => [...doings].filter((doing) => doing.stuck).length

  /** One turn of the event loop may bring the next piece of work. */
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

  async function settled(enough: () => boolean) {
    do {
      if (!enough()) {
        const change = deferred()
        const check = () => enough() && change.resolve()
        watchers.add(check)
        await change.promise
        watchers.delete(check)
      }
      await turn()
    } while (!enough())
  }

  return {
    begin() {
      const doing: Doing = { stuck: false }
      doings.add(doing)
      return () => {
        doings.delete(doing)
        for (const check of watchers) check()
      }
    },
    idle: () => settled(() => doings.size === 0),
    async quiet(patience) {
      let timer: NodeJS.Timeout | undefined
      const giveUp = () => {
        for (const doing of doings) doing.stuck = true
        for (const check of watchers) check()
      }
      const restart = () => {
        clearTimeout(timer)
        timer = setTimeout(giveUp, patience)
      }
      watchers.add(restart)
      restart()
      await settled(() => doings.size === stuck())
      watchers.delete(restart)
      clearTimeout(timer)
    },
  }
}
