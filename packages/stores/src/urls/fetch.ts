import { Fault } from "@imgmigrator/core/fault"
import type { Agent } from "undici"
import { type Answer, exchange } from "../http/exchange.ts"
import { isStale, retryAfter, transportFault } from "../http/faults.ts"
import { checkUrl } from "../http/guard.ts"

const maxRedirects = 5
const redirects = [301, 302, 303, 307, 308]

export type Fetch = {
  readonly method: "GET" | "HEAD"
  readonly headers?: readonly string[]
  readonly signal?: AbortSignal | undefined
  /** Waits until one more request may go to this host. */
  readonly turn?: (host: string, signal?: AbortSignal) => Promise<void>
}

/** For messages: an address without its query, which may be signed. */
export const shown = (address: string): string => {
  const url = URL.canParse(address) ? new URL(address) : undefined
  return url ? `${url.origin}${url.pathname}${url.search && "?…"}` : "The address"
}

/**
 * The answer to an address, whatever its status, behind at most five redirects, each checked like the first. Asks for
 * bytes as they are (`identity`); what comes compressed all the same is passed on as it came.
 */
export async function fetchAddress(
  agent: Agent,
  address: string,
  { method, headers = [], signal, turn }: Fetch,
): Promise<Answer> {
  let url = parse(address)
  const all = ["accept", "*/*", "accept-encoding", "identity", "user-agent", "ImgMigrator/0.1", ...headers]
  for (let hop = 0; ; hop++) {
    checkUrl(url)
    await turn?.(url.host, signal)
    const answer = await once(agent, {
      origin: url.origin,
      method,
      path: url.pathname + url.search,
      headers: all,
      signal,
    })
    const location = answer.headers.location
    if (!redirects.includes(answer.status) || typeof location !== "string") return answer
    answer.body.destroy()
    if (hop === maxRedirects) throw refused(address, `redirects more than ${maxRedirects} times`)
    if (!URL.canParse(location, url.href)) throw refused(address, "redirects to what is no address")
    url = new URL(location, url)
  }
}

/** A connection that had just been closed is no answer: once more. All else is for the caller to try again. */
async function once(agent: Agent, ask: Parameters<typeof exchange>[1]): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    try {
      return await exchange(agent, ask)
    } catch (error) {
      if (tries === 1 && isStale(error) && !ask.signal?.aborted) continue
      throw transportFault(error, "source.unreachable", shown(ask.origin + ask.path))
    }
  }
}

function parse(address: string): URL {
  if (URL.canParse(address)) return new URL(address)
  throw new Fault("invalid", "source.name", "The address is no URL.")
}

const refused = (address: string, why: string) =>
  new Fault("invalid", "source.redirects", `${shown(address)} ${why}.`)

/** What a status that is no success says of an address. */
export function statusFault(
  { status, headers }: Pick<Answer, "status" | "headers">,
  address: string,
  scope: "item" | "store" = "item",
): Fault {
  const what = shown(address)
  const wait = retryAfter(headers["retry-after"], Date.now())
  const options = { scope, ...(wait !== undefined && { retryAfterMs: wait }) }
  if (status === 404 || status === 410)
    return new Fault("missing", "source.missing", `${what} is not there (${status}).`, options)
  if (status === 401 || status === 403 || status === 407)
    return new Fault("denied", "source.denied", `${what} may not be read (${status}).`, options)
  if (status === 408 || status === 425 || status === 429 || status >= 500)
    return new Fault("unavailable", "source.busy", `${what} can't be read just now (${status}).`, options)
  if (status === 412)
    return new Fault("stale", "source.changed", `${what} changed while it was read.`, options)
  return new Fault("invalid", "source.rejected", `${what} was answered with ${status}.`, options)
}
