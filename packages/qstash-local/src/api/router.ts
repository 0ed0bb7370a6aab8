import type { Account } from "../engine/account.ts"
import { decodeOnce } from "../http/destination.ts"
import type { Call, Reply } from "../http/exchange.ts"
import { notFound, refuse } from "../http/problem.ts"
import { refuseQuery } from "../http/query.ts"
import { getBulkAction, listBulkActions } from "./bulk-actions.ts"
import { advanceClock, getClock } from "./clock.ts"
import { deleteLetter, deleteLetters, getLetter, listLetters, retryLetters, retryOne } from "./dlq.ts"
import { armFault, clearFaults, listFaults } from "./faults.ts"
import {
  getGlobalParallelism,
  getKey,
  listKeys,
  pauseKey,
  pinKey,
  resetRate,
  resumeKey,
  unpinKey,
} from "./flow-control.ts"
import { getKeys, rotateKeys } from "./keys.ts"
import { listEvents, listLogs } from "./logs.ts"
import { getStats, latestMessages, streamChanges } from "./looks.ts"
import { cancelMessage, cancelMessages, getMessage } from "./messages.ts"
import { batch, enqueue, publishOne } from "./publish.ts"
import { burstLimit } from "./publish-faults.ts"
import { deleteQueue, getQueue, listQueues, pauseQueue, resumeQueue, upsertQueue } from "./queues.ts"
import {
  createSchedule,
  deleteSchedule,
  getSchedule,
  listSchedules,
  pauseSchedule,
  resumeSchedule,
} from "./schedules.ts"
import { addEndpoints, changeGroup, deleteGroup, getGroup, listGroups, removeEndpoints } from "./topics.ts"
import { cancelRun } from "./workflows.ts"

type Answering = (account: Account, call: Call, name?: string) => Reply | Promise<Reply>

type Routes = readonly (readonly [route: string, answer: Answering])[]

/** `{name}` is one segment, `{rest}` is all that remains, slashes and all. */
const reading: Routes = [
  ["POST /v2/publish/{rest}", publishOne],
  ["POST /v2/enqueue/{rest}", enqueue],
  ["POST /v2/batch", batch],
  ["DELETE /v2/messages", cancelMessages],
  ["GET /v2/bulkActions", listBulkActions],
  ["GET /v2/dlq", listLetters],
  ["DELETE /v2/dlq", deleteLetters],
  ["POST /v2/dlq/retry", retryLetters],
  ["POST /v2/schedules/{rest}", createSchedule],
  ["GET /v2/events", listEvents],
  ["GET /v2/logs", listLogs],
  ["GET /v2/flowControl", listKeys],
  ["POST /v2/flowControl/{name}/pin", pinKey],
  ["POST /v2/flowControl/{name}/unpin", unpinKey],
  ["DELETE /v2/workflows/runs/{name}", cancelRun],
  // Not QStash's: the switches of this server.
  ["POST /local/clock/advance", advanceClock],
]

/** These have no parameters, so whoever sends one is told. */
const plain: Routes = [
  ["GET /v2/messages/{name}", getMessage],
  ["DELETE /v2/messages/{name}", cancelMessage],
  ["GET /v2/bulkActions/{name}", getBulkAction],
  ["POST /v2/dlq/retry/{name}", retryOne],
  ["GET /v2/dlq/{name}", getLetter],
  ["DELETE /v2/dlq/{name}", deleteLetter],
  ["POST /v2/queues", upsertQueue],
  ["GET /v2/queues", listQueues],
  ["GET /v2/queues/{name}", getQueue],
  ["DELETE /v2/queues/{name}", deleteQueue],
  ["POST /v2/queues/{name}/pause", pauseQueue],
  ["POST /v2/queues/{name}/resume", resumeQueue],
  // The SDK sends PATCH, the OpenAPI document says POST.
  ["PATCH /v2/schedules/{name}/pause", pauseSchedule],
  ["PATCH /v2/schedules/{name}/resume", resumeSchedule],
  ["POST /v2/schedules/{name}/pause", pauseSchedule],
  ["POST /v2/schedules/{name}/resume", resumeSchedule],
  ["GET /v2/schedules", listSchedules],
  ["GET /v2/schedules/{name}", getSchedule],
  ["DELETE /v2/schedules/{name}", deleteSchedule],
  ["GET /v2/topics", listGroups],
  ["GET /v2/topics/{name}", getGroup],
  ["PATCH /v2/topics/{name}", changeGroup],
  ["DELETE /v2/topics/{name}", deleteGroup],
  ["POST /v2/topics/{name}/endpoints", addEndpoints],
  ["DELETE /v2/topics/{name}/endpoints", removeEndpoints],
  ["GET /v2/keys", getKeys],
  ["POST /v2/keys/rotate", rotateKeys],
  ["GET /v2/flowControl/{name}", getKey],
  ["POST /v2/flowControl/{name}/pause", pauseKey],
  ["POST /v2/flowControl/{name}/resume", resumeKey],
  // `reset` is how it was called when it came. Source: Upstash changelog, February 2026.
  ["POST /v2/flowControl/{name}/reset", resetRate],
  ["POST /v2/flowControl/{name}/resetRate", resetRate],
  ["GET /v2/globalParallelism", getGlobalParallelism],
  // Not QStash's: the switches of this server.
  ["GET /local/faults", listFaults],
  ["POST /local/faults", armFault],
  ["DELETE /local/faults", clearFaults],
  ["GET /local/clock", getClock],
  ["GET /local/messages", latestMessages],
  ["GET /local/stats", getStats],
  ["GET /local/changes", streamChanges],
]

// Pausing a schedule is looked for before making one whose destination is called so.
const compiled = [...plain, ...reading].map((each) => {
  const [route, answer] = each
  const [method = "", path = ""] = route.split(" ")
  const pattern = path.replace("{rest}", "(.*)").replace("{name}", "([^/]+)")
  const isLimited = path.startsWith("/v2/") && !/^\/v2\/(publish|enqueue|batch)/.test(path)
  return {
    method,
    pattern: new RegExp(`^${pattern}$`, "s"),
    answer,
    isLimited,
    isPlain: plain.includes(each),
    isRest: path.includes("{rest}"),
  }
})

/** Finds who answers a call, and lets them. */
export async function route(account: Account, call: Call): Promise<Reply> {
  const fitting = compiled.flatMap((each) => {
    const match = each.pattern.exec(call.target.path)
    return match ? [{ ...each, name: match[1] }] : []
  })
  const found = fitting.find(({ method }) => method === call.method)
  if (!found)
    throw fitting.length > 0 ? refuse(405, "method not allowed") : notFound(`path ${call.target.path}`)
  if (found.isLimited && !account.burst.take()) throw burstLimit(account)
  if (found.isPlain) refuseQuery(call)
  return found.answer(account, call, found.isRest ? found.name : decodeOnce(found.name ?? ""))
}
