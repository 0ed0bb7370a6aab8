import type { Account } from "../engine/account.ts"
import type { Order } from "../engine/message.ts"
import { publish, type Receipt } from "../engine/publish.ts"
import { type Route, routesTo } from "../engine/routes.ts"
import { type Destination, destinationOf, nameRule, parseDestination } from "../http/destination.ts"
import type { Call, Reply } from "../http/exchange.ts"
import { collect, type Fields } from "../http/headers.ts"
import { parseOrder } from "../http/order.ts"
import { badRequest, isRefusal, refusalOr } from "../http/problem.ts"
import { isRecord, parseJson } from "../http/query.ts"
import { unlessStruck } from "./publish-faults.ts"
import { ensureQueue } from "./queues.ts"
import { createSchedule } from "./schedules.ts"

/** An order with all its routes, checked and ready to be accepted. */
export type Ready = { readonly order: Order; readonly routes: readonly Route[]; readonly isGroup: boolean }

/** `POST /v2/publish/{destination}`: 200 with a receipt (a list of them for a URL group), 202 for a duplicate. */
export async function publishOne(account: Account, call: Call, rest = ""): Promise<Reply> {
  // An older way to make a schedule. Source: Upstash docs, QStash > Features > Schedules.
  if (call.fields["Upstash-Cron"]) return createSchedule(account, call, rest)
  return publishTo(account, call, destinationOf(rest, call.target), undefined)
}

/** `POST /v2/enqueue/{queue}/{destination}`. The queue is made when it is not there yet. */
export async function enqueue(account: Account, call: Call, rest = ""): Promise<Reply> {
  const slash = rest.indexOf("/")
  const queue = slash < 0 ? rest : rest.slice(0, slash)
  const destination = destinationOf(slash < 0 ? "" : rest.slice(slash + 1), call.target)
  return publishTo(account, call, destination, queue)
}

async function publishTo(
  account: Account,
  call: Call,
  destination: Destination,
  queue: string | undefined,
): Promise<Reply> {
  const ready = prepare(account, call.fields, call.body, call.callerIp, destination, queue)
  return unlessStruck(account, [ready], async () => {
    const receipts = await publish(account, ready.order, ready.routes)
    const isDuplicate = receipts.some((receipt) => receipt.deduplicated)
    return { status: isDuplicate ? 202 : 200, body: ready.isGroup ? receipts : receipts[0] }
  })
}

/** `POST /v2/batch`: an answer for each item, in order; items that are refused do not stop the others. */
export async function batch(account: Account, call: Call): Promise<Reply> {
  const items = parseJson(call.body)
  if (!Array.isArray(items)) throw badRequest("invalid batch: the body must be a JSON array")
  const prepared = items.map((item: unknown) => refusalOr(() => prepareItem(account, item, call.callerIp)))
  const ready = prepared.flatMap((each) => (isRefusal(each) ? [] : [each]))
  return unlessStruck(account, ready, async () => {
    const answers = prepared.map(
      async (each): Promise<Receipt | Receipt[] | { error: string } | undefined> => {
        if (isRefusal(each)) return { error: each.error }
        const receipts = await publish(account, each.order, each.routes)
        return each.isGroup ? receipts : receipts[0]
      },
    )
    return { status: 200, body: await Promise.all(answers) }
  })
}

function prepareItem(account: Account, item: unknown, callerIp: string): Ready {
  if (!isRecord(item)) throw badRequest("invalid batch item: it must be an object")
  const { destination, headers = {}, body = "", queue } = item
  if (typeof destination !== "string") throw badRequest("a non-empty destination must be provided")
  if (typeof body !== "string") throw badRequest("invalid batch item: body must be a string")
  if (queue !== undefined && typeof queue !== "string")
    throw badRequest("invalid batch item: queue must be a string")
  const fields = collect(headerPairs(headers))
  return prepare(
    account,
    fields,
    Buffer.from(body),
    callerIp,
    parseDestination(destination),
    queue || undefined,
  )
}

/** Headers of JSON: strings, or lists of them. */
function headerPairs(headers: unknown): [string, string][] {
  const wrong = badRequest("invalid batch item: headers must be an object of strings")
  if (!isRecord(headers)) throw wrong
  return Object.entries(headers).flatMap(([name, values]) =>
    (Array.isArray(values) ? values : [values]).map((value: unknown): [string, string] => {
      if (typeof value !== "string") throw wrong
      return [name, value]
    }),
  )
}

function prepare(
  account: Account,
  given: Fields,
  body: Buffer,
  callerIp: string,
  destination: Destination,
  queue: string | undefined,
): Ready {
  const { plan, clock, state } = account
  const isGroup = "group" in destination
  const routes = routesTo(state, destination)
  const fields = isGroup ? { ...state.groups.get(destination.group)?.headers, ...given } : given
  const order = parseOrder(fields, body, { plan, now: clock.now(), callerIp })
  if (queue === undefined) return { order, routes, isGroup }
  if (!nameRule.test(queue)) throw badRequest(`invalid queue name: ${queue}`)
  ensureQueue(account, queue)
  return { order, routes: routes.map((route) => ({ ...route, queueName: queue })), isGroup }
}
