import { isRefusal } from "../http/problem.ts"
import type { Account } from "./account.ts"
import { publish } from "./publish.ts"
import { routesTo } from "./routes.ts"
import type { Schedule } from "./schedules.ts"

/** Publishes what a schedule is for. What stands in the way, a URL group that is gone, is kept with the schedule. */
export async function runSchedule(account: Account, schedule: Schedule, at: number) {
  const done = account.activity.begin()
  try {
    const routes = routesTo(account.state, schedule.destination).map((route) => ({
      ...route,
      scheduleId: schedule.id,
      ...(schedule.queueName !== undefined && { queueName: schedule.queueName }),
    }))
    // Each run is a message of its own; the key of its publisher was for the schedule itself.
    const order = { ...schedule.order, deduplicationId: undefined, contentDeduplication: false }
    const receipts = await publish(account, order, routes)
    note(account, schedule, {
      lastTime: at,
      lastIds: receipts.map(({ messageId }) => messageId),
      error: undefined,
    })
  } catch (problem) {
    const error = isRefusal(problem) ? problem.error : String(problem)
    note(account, schedule, { lastTime: at, lastIds: [], error })
  } finally {
    done()
  }
}

function note({ state }: Account, { id }: Schedule, news: Partial<Schedule>) {
  const schedule = state.schedules.get(id)
  if (schedule) state.schedules.put(id, { ...schedule, ...news })
}
