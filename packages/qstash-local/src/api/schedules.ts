import type { Account } from "../engine/account.ts"
import { parseCron } from "../engine/cron.ts"
import { newId } from "../engine/ids.ts"
import { shownBody, shownHeaders } from "../engine/redact.ts"
import { routesTo } from "../engine/routes.ts"
import type { Schedule } from "../engine/schedules.ts"
import { destinationOf, nameRule } from "../http/destination.ts"
import type { Call, Reply } from "../http/exchange.ts"
import { first } from "../http/headers.ts"
import { parseOrder } from "../http/order.ts"
import { badRequest, notFound, overLimit } from "../http/problem.ts"
import { ensureQueue } from "./queues.ts"
import { bodyFields, flowFields } from "./shapes.ts"

/** `POST /v2/schedules/{destination}`: an id that is known is overwritten; it stays paused if it was. */
export async function createSchedule(account: Account, call: Call, rest = ""): Promise<Reply> {
  const { state, plan, clock, schedules } = account
  const now = clock.now()
  const cron = first(call.fields, "Upstash-Cron")?.trim()
  if (!cron) throw badRequest("invalid Upstash-Cron header: it is missing")
  checkCron(cron)
  const id = first(call.fields, "Upstash-Schedule-Id") ?? newId("scd", now)
  if (!nameRule.test(id)) throw badRequest(`invalid schedule id: ${id}`)
  const destination = destinationOf(rest, call.target)
  routesTo(state, destination)
  const order = parseOrder(call.fields, call.body, { plan, now, callerIp: call.callerIp })
  const known = state.schedules.get(id)
  if (!known && state.schedules.size >= plan.schedules)
    throw overLimit(`quota maxSchedules exceeded: ${plan.schedules}`)
  const queueName = first(call.fields, "Upstash-Queue-Name")
  if (queueName !== undefined) ensureQueue(account, queueName)
  state.schedules.put(id, {
    id,
    cron,
    destination,
    order,
    ...(queueName !== undefined && { queueName }),
    createdAt: known?.createdAt ?? now,
    paused: known?.paused ?? false,
  })
  await state.commit()
  schedules.arm(id)
  return { status: 200, body: { scheduleId: id } }
}

function checkCron(cron: string) {
  try {
    parseCron(cron)
  } catch (error) {
    throw badRequest(`invalid Upstash-Cron header: ${error instanceof Error ? error.message : error}`)
  }
}

/** `GET /v2/schedules` */
export const listSchedules = (account: Account): Reply => ({
  status: 200,
  body: [...account.state.schedules.values()].map((schedule) => shape(account, schedule)),
})

/** `GET /v2/schedules/{id}` */
export const getSchedule = (account: Account, _: Call, id = ""): Reply => ({
  status: 200,
  body: shape(account, known(account, id)),
})

/** `DELETE /v2/schedules/{id}` */
export async function deleteSchedule(account: Account, _: Call, id = ""): Promise<Reply> {
  account.state.schedules.drop(known(account, id).id)
  await account.state.commit()
  account.schedules.arm(id)
  return { status: 200 }
}

/** `PATCH` or `POST /v2/schedules/{id}/pause` */
export const pauseSchedule = (account: Account, _: Call, id = "") => setPaused(account, id, true)

/** `PATCH` or `POST /v2/schedules/{id}/resume` */
export const resumeSchedule = (account: Account, _: Call, id = "") => setPaused(account, id, false)

async function setPaused(account: Account, id: string, paused: boolean): Promise<Reply> {
  account.state.schedules.put(id, { ...known(account, id), paused })
  await account.state.commit()
  return { status: 200 }
}

function known({ state }: Account, id: string): Schedule {
  const schedule = state.schedules.get(id)
  if (!schedule) throw notFound(`schedule ${id}`)
  return schedule
}

function shape(account: Account, schedule: Schedule) {
  const { order, destination } = schedule
  const seconds = (ms: number | undefined) => (ms === undefined ? undefined : Math.round(ms / 1000))
  return {
    scheduleId: schedule.id,
    cron: schedule.cron,
    createdAt: schedule.createdAt,
    destination: "url" in destination ? destination.url : destination.group,
    method: order.method,
    header: shownHeaders(order.headers, order.redaction),
    ...bodyFields("body", shownBody(order.body, order.redaction)),
    retries: order.maxRetries,
    delay: seconds(order.delayMs),
    timeout: seconds(order.timeoutMs),
    callback: order.callback?.url,
    failureCallback: order.failureCallback?.url,
    callerIP: order.callerIp,
    isPaused: schedule.paused,
    queueName: schedule.queueName,
    ...(order.flowKey !== undefined && flowFields(order.flowKey, order.flow)),
    retryDelayExpression: order.retryDelay,
    label: order.labels[0],
    labels: order.labels.length > 0 ? order.labels : undefined,
    lastScheduleTime: schedule.lastTime,
    nextScheduleTime: account.schedules.nextTime(schedule),
    lastScheduleStates: schedule.lastIds?.length ? states(account, schedule.lastIds) : undefined,
    error: schedule.error,
  }
}

/** What became of the last run's messages: still under way, among the dead letters, or neither. */
function states(
  { state }: Account,
  ids: readonly string[],
): Record<string, "IN_PROGRESS" | "SUCCESS" | "FAIL"> {
  const dead = new Set([...state.letters.values()].map(({ message }) => message.id))
  return Object.fromEntries(
    ids.map((id) => [id, state.messages.has(id) ? "IN_PROGRESS" : dead.has(id) ? "FAIL" : "SUCCESS"]),
  )
}
