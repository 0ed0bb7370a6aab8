import type { Account } from "../engine/account.ts"
import { publishFaults } from "../engine/faults.ts"
import type { Order } from "../engine/message.ts"
import { publish, type Receipt, type Route } from "../engine/publish.ts"
import { type Destination, destinationOf, nameRule, parseDestination } from "../http/destination.ts"
import type { Call, Reply } from "../http/exchange.ts"
import { collect, type Fields } from "../http/headers.ts"
import { parseOrder } from "../http/order.ts"
import { badRequest, isRefusal, notFound, type Refusal, refuse } from "../http/problem.ts"
import { ensureQueue } from "./queues.ts"

/** An order with all its routes, checked and ready to be accepted. */
type Ready = { readonly order: Order; readonly routes: readonly Route[]; readonly isGroup: boolean }

/** `POST /v2/publish/{destination}`: 200 with a receipt (a list of them for a URL group), 202 for a duplicate. */
export const publishOne = (account: Account, call: Call, rest: string) =>
  publishTo(account, call, destinationOf(rest, call.target), undefined)

/** `POST /v2/enqueue/{queue}/{destination}`. The queue is made when it is not there yet. */
export function enqueue(account: Account, call: Call, rest: string) {
  const slash = rest.indexOf("/")
  const queue = slash < 0 ? rest : rest.slice(0, slash)
  const destination = destinationOf(slash < 0 ? "" : rest.slice(slash + 1), call.target)
  return publishTo(account, call, destination, queue)
}

async function publishTo(
  account: Account,
  call: Call,
  destination: Destination | Refusal,
  queue: string | undefined,
): Promise<Reply | Refusal> {
  if (isRefusal(destination)) return destination
  const ready = prepare(account, call.fields, call.body, call.callerIp, destination, queue)
  if (isRefusal(ready)) return ready
  return struck(account, [ready], async () => {
    const receipts = await publish(account, ready.order, ready.routes)
    const isDuplicate = receipts.some((receipt) => receipt.deduplicated)
    return { status: isDuplicate ? 202 : 200, body: ready.isGroup ? receipts : receipts[0] }
  })
}

/** `POST /v2/batch`: an answer for each item, in order; items that are refused do not stop the others. */
export async function batch(account: Account, call: Call): Promise<Reply | Refusal> {
  const items = parseJson(call.body)
  if (!Array.isArray(items)) return badRequest("invalid batch: the body must be a JSON array")
  const prepared = items.map((item: unknown) => prepareItem(account, item, call.callerIp))
  const ready = prepared.flatMap((each) => (isRefusal(each) ? [] : [each]))
  return struck(account, ready, async () => {
    const answers = prepared.map(async (each) => {
      if (isRefusal(each)) return { error: each.error }
      const receipts = await publish(account, each.order, each.routes)
      return each.isGroup ? receipts : receipts[0]
    })
    return {
      status: 200,
      body: await Promise.all<{ error: string } | Receipt | Receipt[] | undefined>(answers),
    }
  })
}

function prepareItem(account: Account, item: unknown, callerIp: string): Ready | Refusal {
  if (!isRecord(item)) return badRequest("invalid batch item: it must be an object")
  const { destination, headers = {}, body = "", queue } = item
  if (typeof destination !== "string") return badRequest("a non-empty destination must be provided")
  if (typeof body !== "string") return badRequest("invalid batch item: body must be a string")
  if (queue !== undefined && typeof queue !== "string")
    return badRequest("invalid batch item: queue must be a string")
  const pairs = headerPairs(headers)
  if (!pairs) return badRequest("invalid batch item: headers must be an object of strings")
  const where = parseDestination(destination)
  if (isRefusal(where)) return where
  return prepare(account, collect(pairs), Buffer.from(body), callerIp, where, queue || undefined)
}

function headerPairs(headers: unknown): [string, string][] | undefined {
  if (!isRecord(headers)) return undefined
  const pairs: [string, string][] = []
  for (const [name, values] of Object.entries(headers))
    for (const value of Array.isArray(values) ? values : [values]) {
      if (typeof value !== "string") return undefined
      pairs.push([name, value])
    }
  return pairs
}

function prepare(
  account: Account,
  fields: Fields,
  body: Buffer,
  callerIp: string,
  destination: Destination,
  queue: string | undefined,
): Ready | Refusal {
  const order = parseOrder(fields, body, account.plan, callerIp)
  if (isRefusal(order)) return order
  if (queue !== undefined) {
    if (!nameRule.test(queue)) return badRequest(`invalid queue name: ${queue}`)
    const refused = ensureQueue(account, queue)
    if (refused) return refused
  }
  const routes = routesTo(account, destination)
  if (isRefusal(routes)) return routes
  const own = queue === undefined ? routes : routes.map((route) => ({ ...route, queueName: queue }))
  return { order, routes: own, isGroup: "group" in destination }
}

/** The endpoints behind a destination. */
export function routesTo(_account: Account, destination: Destination): Route[] | Refusal {
  return "url" in destination ? [{ url: destination.url }] : notFound(`topic ${destination.group}`)
}

/** Publishes, unless a fault or the day's quota has it otherwise. */
async function struck(
  account: Account,
  ready: readonly Ready[],
  run: () => Promise<Reply>,
): Promise<Reply | Refusal> {
  const subject = ready.find(({ order, routes }) => order && routes.length > 0)
  const fault =
    subject && account.faults.take(publishFaults, { ...subject.order, ...(subject.routes[0] ?? { url: "" }) })
  switch (fault?.kind) {
    case "publish-500":
      return refuse(500, "internal server error (fault)")
    case "publish-429-daily":
      return dailyLimit(account)
    case "publish-429-burst":
      return burstLimit(account)
    case "publish-412":
      return refuse(412, "quota exceeded (fault)")
    case "publish-cut":
      return { status: 0, unanswered: "cut" }
    case "publish-hang":
      return { status: 0, unanswered: "hang" }
    case "publish-lose-response":
      return { ...(await run()), unanswered: "cut" }
  }
  const { counters, plan, clock } = account
  if (counters.today(clock.now()) + ready.length > plan.messagesPerDay) return dailyLimit(account)
  return run()
}

const dayMs = 86_400_000

/** Source: Upstash docs, QStash > API > Rate limits: daily limits are told in `RateLimit-*`. */
function dailyLimit({ clock, plan }: Account): Refusal {
  const limit = Number.isFinite(plan.messagesPerDay) ? plan.messagesPerDay : 1000
  const reset = Math.ceil((Math.floor(clock.now() / dayMs) + 1) * (dayMs / 1000))
  return refuse(429, "Exceeded daily rate limit.", {
    "RateLimit-Limit": String(limit),
    "RateLimit-Remaining": "0",
    "RateLimit-Reset": String(reset),
  })
}

/** Bursts are told in `Burst-RateLimit-*`. */
export function burstLimit({ clock, plan }: Account): Refusal {
  const limit = Number.isFinite(plan.requestsPerSecond) ? plan.requestsPerSecond : 100
  return refuse(429, "Exceeded burst rate limit.", {
    "Burst-RateLimit-Limit": String(limit),
    "Burst-RateLimit-Remaining": "0",
    "Burst-RateLimit-Reset": String(Math.floor(clock.now() / 1000) + 1),
  })
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"))
  } catch {
    return undefined
  }
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
