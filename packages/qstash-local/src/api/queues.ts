import type { Account } from "../engine/account.ts"
import { cancel } from "../engine/cancel.ts"
import type { Queue } from "../engine/queues.ts"
import { nameRule } from "../http/destination.ts"
import type { Call, Reply } from "../http/exchange.ts"
import { badRequest, notFound, overLimit } from "../http/problem.ts"
import { isRecord, parseJson } from "../http/query.ts"

/** Makes a queue with parallelism 1 unless it is there. Refuses when the plan has no more. */
export function ensureQueue({ state, plan, clock }: Account, name: string): Queue {
  const known = state.queues.get(name)
  if (known) return known
  if (!nameRule.test(name)) throw badRequest(`invalid queue name: ${name}`)
  if (state.queues.size >= plan.queues) throw overLimit(`quota maxQueues exceeded: ${plan.queues}`)
  const now = clock.now()
  const queue = { name, parallelism: 1, paused: false, createdAt: now, updatedAt: now }
  state.queues.put(name, queue)
  return queue
}

/** `POST /v2/queues`: makes a queue or changes it; what is not named stays. */
export async function upsertQueue(account: Account, call: Call): Promise<Reply> {
  const wanted = parseJson(call.body)
  if (!isRecord(wanted)) throw badRequest("invalid queue: the body must be a JSON object")
  const { queueName, parallelism, paused } = wanted
  if (typeof queueName !== "string" || !nameRule.test(queueName))
    throw badRequest(`invalid queue name: ${queueName}`)
  if (
    parallelism !== undefined &&
    !(typeof parallelism === "number" && Number.isInteger(parallelism) && parallelism > 0)
  )
    throw badRequest(`invalid parallelism: ${parallelism}`)
  if (paused !== undefined && typeof paused !== "boolean") throw badRequest(`invalid paused: ${paused}`)
  if ((parallelism ?? 1) > account.plan.queueParallelism)
    throw overLimit(`quota maxParallelism exceeded: ${parallelism} > ${account.plan.queueParallelism}`)
  const queue = ensureQueue(account, queueName)
  return change(account, queue, {
    parallelism: parallelism ?? queue.parallelism,
    paused: paused ?? queue.paused,
  })
}

/** `GET /v2/queues` */
export const listQueues = (account: Account): Reply => ({
  status: 200,
  body: [...account.state.queues.values()].map((queue) => shape(account, queue)),
})

/** `GET /v2/queues/{name}` */
export const getQueue = (account: Account, _: Call, name = ""): Reply => ({
  status: 200,
  body: shape(account, known(account, name)),
})

/** `DELETE /v2/queues/{name}`: with all its messages. That there is none is no error. */
export async function deleteQueue(account: Account, _: Call, name = ""): Promise<Reply> {
  const { state } = account
  for (const message of [...state.messages.values()]) if (message.queueName === name) cancel(account, message)
  state.queues.drop(name)
  await state.commit()
  return { status: 200 }
}

/** `POST /v2/queues/{name}/pause` */
export const pauseQueue = (account: Account, _: Call, name = "") =>
  change(account, known(account, name), { paused: true })

/** `POST /v2/queues/{name}/resume` */
export const resumeQueue = (account: Account, _: Call, name = "") =>
  change(account, known(account, name), { paused: false })

async function change(account: Account, queue: Queue, changes: Partial<Queue>): Promise<Reply> {
  const { state, dispatcher, clock } = account
  state.queues.put(queue.name, { ...queue, ...changes, updatedAt: clock.now() })
  await state.commit()
  dispatcher.queueChanged(queue.name)
  return { status: 200 }
}

function known({ state }: Account, name: string): Queue {
  const queue = state.queues.get(name)
  if (!queue) throw notFound(`queue ${name}`)
  return queue
}

/** `lag` counts all messages of the queue that are not through, delayed ones, too. */
function shape({ state }: Account, { name, createdAt, updatedAt, parallelism, paused }: Queue) {
  let lag = 0
  for (const { queueName } of state.messages.values()) if (queueName === name) lag += 1
  return { name, createdAt, updatedAt, parallelism, paused, lag }
}
