import type { Destination } from "../http/destination.ts"
import type { Table } from "../state/table.ts"
import type { Clock } from "../time/clock.ts"
import { parseCron } from "./cron.ts"
import type { Order } from "./message.ts"

export type Schedule = {
  readonly id: string
  readonly cron: string
  readonly destination: Destination
  readonly order: Order
  readonly queueName?: string
  readonly createdAt: number
  readonly paused: boolean
  readonly lastTime?: number
  /** Messages of the last run. */
  readonly lastIds?: readonly string[]
  /** Why the last run published nothing. */
  readonly error?: string
}

export type Schedules = {
  /** Call after a schedule was made, changed or removed, and once for each at the start. */
  arm(id: string): void
  nextTime(schedule: Schedule): number | undefined
  stop(): void
}

/** Runs schedules when they are due. Ticks while a schedule is paused, or the server is down, are skipped. */
export function createSchedules(
  clock: Clock,
  schedules: Table<Schedule>,
  run: (schedule: Schedule, at: number) => Promise<void>,
): Schedules {
  const timers = new Map<string, () => void>()

  function disarm(id: string) {
    timers.get(id)?.()
    timers.delete(id)
  }

  function arm(id: string) {
    disarm(id)
    const schedule = schedules.get(id)
    const at = schedule && nextTime(schedule)
    if (at === undefined) return
    timers.set(
      id,
      clock.schedule(at, () => {
        const now = schedules.get(id)
        arm(id)
        if (now && !now.paused) void run(now, at)
      }),
    )
  }

  const nextTime = ({ cron }: Schedule) => parseCron(cron)(clock.now())

  return {
    arm,
    nextTime,
    stop() {
      for (const id of [...timers.keys()]) disarm(id)
    },
  }
}
