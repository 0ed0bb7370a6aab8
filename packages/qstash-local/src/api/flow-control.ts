import type { Account } from "../engine/account.ts"
import type { FlowState } from "../engine/flow.ts"
import type { Call, Reply } from "../http/exchange.ts"
import { parseCount, parsePeriod } from "../http/flow-value.ts"
import { badRequest, notFound } from "../http/problem.ts"
import { parseQuery } from "../http/query.ts"

/** `GET /v2/flowControl`, `?search=` by a part of the key. */
export function listKeys(account: Account, call: Call): Reply {
  const search = parseQuery(call, ["search"]).search?.[0] ?? ""
  const states = [...account.state.flows.values()].filter(({ key }) => key.includes(search))
  return { status: 200, body: states.map((state) => shape(account, state)) }
}

/** `GET /v2/flowControl/{key}` */
export function getKey(account: Account, _: Call, key = ""): Reply {
  const state = account.state.flows.get(key)
  if (!state) throw notFound(`flow control key ${key}`)
  return { status: 200, body: shape(account, state) }
}

/** `POST /v2/flowControl/{key}/pause`: what comes meanwhile waits. */
export const pauseKey = (account: Account, _: Call, key = "") =>
  change(account, key, () => ({ paused: true }))

/** `POST /v2/flowControl/{key}/resume` */
export const resumeKey = (account: Account, _: Call, key = "") =>
  change(account, key, () => ({ paused: false }))

/** `POST /v2/flowControl/{key}/pin`: what is named is fixed until it is unpinned, and the rate begins anew. */
export async function pinKey(account: Account, call: Call, key = ""): Promise<Reply> {
  const query = parseQuery(call, ["parallelism", "rate", "period"])
  const read = (name: "parallelism" | "rate" | "period") => {
    const text = query[name]?.[0]
    if (text === undefined) return undefined
    const amount = name === "period" ? parsePeriod(text) : parseCount(text)
    if (amount === undefined) throw badRequest(`invalid ${name}: ${text}`)
    return amount
  }
  const parallelism = read("parallelism")
  const rate = read("rate")
  const periodMs = read("period")
  if (parallelism === undefined && rate === undefined) throw badRequest("parallelism or rate is required")
  account.flows.resetRate(key)
  return change(account, key, ({ config, pinnedParallelism, pinnedRate }) => ({
    config: {
      parallelism: parallelism ?? config.parallelism,
      rate: rate ?? config.rate,
      periodMs: periodMs ?? config.periodMs,
    },
    pinnedParallelism: pinnedParallelism || parallelism !== undefined,
    pinnedRate: pinnedRate || rate !== undefined,
  }))
}

/** `POST /v2/flowControl/{key}/unpin?parallelism=true&rate=true`: the values stay until a message brings others. */
export async function unpinKey(account: Account, call: Call, key = ""): Promise<Reply> {
  const query = parseQuery(call, ["parallelism", "rate"])
  for (const name of ["parallelism", "rate"] as const)
    if (!/^(true|false)$/.test(query[name]?.[0] ?? "false"))
      throw badRequest(`invalid ${name}: use true or false`)
  return change(account, key, ({ pinnedParallelism, pinnedRate }) => ({
    pinnedParallelism: pinnedParallelism && query.parallelism?.[0] !== "true",
    pinnedRate: pinnedRate && query.rate?.[0] !== "true",
  }))
}

/** `POST /v2/flowControl/{key}/resetRate` */
export async function resetRate(account: Account, _: Call, key = ""): Promise<Reply> {
  account.flows.resetRate(key)
  return change(account, key, () => ({}))
}

/** `GET /v2/globalParallelism` */
export const getGlobalParallelism = ({ plan, dispatcher }: Account): Reply => ({
  status: 200,
  body: { parallelismMax: plan.globalParallelism, parallelismCount: dispatcher.flying() },
})

async function change(
  account: Account,
  key: string,
  changes: (state: FlowState) => Partial<FlowState>,
): Promise<Reply> {
  const state = account.flows.ensure(key)
  account.state.flows.put(key, { ...state, ...changes(state) })
  await account.state.commit()
  account.dispatcher.flowChanged(key)
  return { status: 200 }
}

/** Numbers of what is not limited are left out; the period and its start are in seconds. */
function shape({ flows, clock }: Account, { key, config, paused, pinnedParallelism, pinnedRate }: FlowState) {
  const lane = flows.byKey(key)
  const { parallelism, rate, periodMs } = config
  const start = lane?.windowStart ?? Number.NEGATIVE_INFINITY
  const isRunning = clock.now() < start + periodMs
  return {
    flowControlKey: key,
    waitListSize: lane?.waiting.size ?? 0,
    ...(parallelism !== undefined && { parallelismMax: parallelism, parallelismCount: lane?.flying ?? 0 }),
    ...(rate !== undefined && {
      rateMax: rate,
      rateCount: isRunning ? lane?.windowCount : 0,
      ratePeriod: Math.round(periodMs / 1000),
      ...(isRunning && { ratePeriodStart: Math.floor(start / 1000) }),
    }),
    isPaused: paused,
    isPinnedParallelism: pinnedParallelism,
    isPinnedRate: pinnedRate,
  }
}
