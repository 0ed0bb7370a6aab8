import type { Account } from "../engine/account.ts"
import type { Endpoint, Group } from "../engine/routes.ts"
import { nameRule, parseUrl } from "../http/destination.ts"
import type { Call, Reply } from "../http/exchange.ts"
import { collect, type Fields } from "../http/headers.ts"
import { parseOrder } from "../http/order.ts"
import { badRequest, notFound, overLimit } from "../http/problem.ts"
import { isRecord, parseJson } from "../http/query.ts"

/** `GET /v2/topics` */
export const listGroups = ({ state }: Account): Reply => ({
  status: 200,
  body: [...state.groups.values()].map(shape),
})

/** `GET /v2/topics/{name}` */
export const getGroup = (account: Account, _: Call, name = ""): Reply => ({
  status: 200,
  body: shape(known(account, name)),
})

/** `DELETE /v2/topics/{name}`: messages that are under way are delivered. */
export async function deleteGroup(account: Account, _: Call, name = ""): Promise<Reply> {
  account.state.groups.drop(known(account, name).name)
  await account.state.commit()
  return { status: 200 }
}

/** `POST /v2/topics/{name}/endpoints`: makes the group if need be; an endpoint of the same name or URL is replaced. */
export async function addEndpoints(account: Account, call: Call, name = ""): Promise<Reply> {
  const { state, plan, clock } = account
  if (!nameRule.test(name)) throw badRequest(`invalid url group name: ${name}`)
  const added = endpointsOf(call.body).map(({ name, url }) => {
    if (name !== undefined && !nameRule.test(name)) throw badRequest(`invalid endpoint name: ${name}`)
    return { ...(name !== undefined && { name }), url: parseUrl(url ?? "") }
  })
  if (added.length === 0) throw badRequest("invalid endpoints: there must be at least one")
  const group = state.groups.get(name)
  if (!group && state.groups.size >= plan.urlGroups)
    throw overLimit(`quota maxUrlGroups exceeded: ${plan.urlGroups}`)
  const endpoints = added.reduce(withEndpoint, group?.endpoints ?? [])
  if (endpoints.length > plan.endpointsPerGroup)
    throw overLimit(`quota maxEndpoints exceeded: ${endpoints.length} > ${plan.endpointsPerGroup}`)
  const now = clock.now()
  return save(account, { headers: {}, createdAt: now, ...group, name, endpoints, updatedAt: now })
}

function withEndpoint(endpoints: readonly Endpoint[], added: Endpoint): Endpoint[] {
  const others = endpoints.filter(
    ({ name, url }) => (added.name === undefined || name !== added.name) && url !== added.url,
  )
  return [...others, added]
}

/** `DELETE /v2/topics/{name}/endpoints`: by name or URL; without endpoints there is no group. */
export async function removeEndpoints(account: Account, call: Call, name = ""): Promise<Reply> {
  const group = known(account, name)
  const removed = endpointsOf(call.body)
  const isRemoved = (endpoint: Endpoint) =>
    removed.some(({ name, url }) => (name === undefined ? url === endpoint.url : name === endpoint.name))
  const endpoints = group.endpoints.filter((endpoint) => !isRemoved(endpoint))
  if (endpoints.length === 0) return deleteGroup(account, call, name)
  return save(account, { ...group, endpoints, updatedAt: account.clock.now() })
}

/** `PATCH /v2/topics/{name}`: default headers for what is published to the group. */
export async function changeGroup(account: Account, call: Call, name = ""): Promise<Reply> {
  const group = known(account, name)
  const body = parseJson(call.body)
  const headers = isRecord(body) ? headersOf(body.headers) : undefined
  if (!headers) throw badRequest('invalid headers: the body must be {"headers": {name: value}}')
  const { plan, clock } = account
  parseOrder(headers, Buffer.alloc(0), { plan, now: clock.now(), callerIp: call.callerIp })
  return save(account, { ...group, headers, updatedAt: clock.now() })
}

function headersOf(value: unknown): Fields | undefined {
  if (!isRecord(value)) return undefined
  const pairs = Object.entries(value).flatMap(([name, values]) =>
    (Array.isArray(values) ? values : [values]).map((each: unknown): [string, string] => [
      name,
      String(each),
    ]),
  )
  return collect(pairs)
}

function endpointsOf(body: Buffer): { name?: string; url?: string }[] {
  const parsed = parseJson(body)
  const wrong = badRequest('invalid endpoints: the body must be {"endpoints": [{name, url}]}')
  if (!isRecord(parsed) || !Array.isArray(parsed.endpoints)) throw wrong
  return parsed.endpoints.map((endpoint: unknown) => {
    if (!isRecord(endpoint)) throw wrong
    const { name, url } = endpoint
    const named = typeof name === "string" && name !== "" ? { name } : {}
    if ((name !== undefined && typeof name !== "string") || (url !== undefined && typeof url !== "string"))
      throw wrong
    return { ...named, ...(url !== undefined && { url }) }
  })
}

async function save({ state }: Account, group: Group): Promise<Reply> {
  state.groups.put(group.name, group)
  await state.commit()
  return { status: 200 }
}

function known({ state }: Account, name: string): Group {
  const group = state.groups.get(name)
  if (!group) throw notFound(`topic ${name}`)
  return group
}

const shape = ({ name, createdAt, updatedAt, endpoints }: Group) => ({
  name,
  createdAt,
  updatedAt,
  endpoints,
})
