import type { Account } from "../engine/account.ts"
import type { Call, Reply } from "../http/exchange.ts"
import { badRequest, notFound } from "../http/problem.ts"
import { parseAmount, parseQuery } from "../http/query.ts"
import type { BulkAction } from "../state/state.ts"
import { page } from "./page.ts"

const keptMs = 7 * 86_400_000
const largestPage = 1000

/** `GET /v2/bulkActions`: newest first. The state filter applies to each page by itself. */
export function listBulkActions(account: Account, call: Call): Reply {
  const query = parseQuery(call, ["cursor", "count", "state"])
  const count = parseAmount(query, "count", 100, largestPage)
  const wanted = query.state?.[0]
  if (wanted !== undefined && wanted !== "FINISHED" && wanted !== "IN_PROGRESS")
    throw badRequest(`invalid state: ${wanted}`)
  const since = account.clock.now() - keptMs
  const kept = [...account.state.actions.values()].filter(({ createdAt }) => createdAt >= since)
  const newestFirst = kept.sort((a, b) => (a.actionId < b.actionId ? 1 : -1))
  const after = query.cursor?.[0]
  const { items, cursor } = page(
    newestFirst,
    count,
    ({ actionId }) => after === undefined || actionId < after,
    ({ actionId }) => actionId,
  )
  return { status: 200, body: { cursor, bulkActions: wanted === "IN_PROGRESS" ? [] : items.map(shape) } }
}

/** `GET /v2/bulkActions/{id}` */
export function getBulkAction({ state }: Account, _: Call, id = ""): Reply {
  const action = state.actions.get(id)
  if (!action) throw notFound(`bulk action ${id}`)
  return { status: 200, body: shape(action) }
}

const shape = ({ actionId, total, createdAt, filter }: BulkAction) => ({
  actionId,
  kind: "cancel",
  state: "FINISHED",
  total,
  processed: total,
  createdAt,
  completedAt: createdAt,
  filter,
})
