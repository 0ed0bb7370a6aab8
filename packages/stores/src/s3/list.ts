import { Fault } from "@imgmigrator/core/fault"
import { compareKeys } from "@imgmigrator/core/merge"
import { quoted } from "@imgmigrator/core/outcome"
import type { Call, Entry } from "../store.ts"
import { accepted, type Client } from "./client.ts"
import { type Page, readPage } from "./listing.ts"
import { pace } from "./pace.ts"
import { type Ask, type Place, type Round, readRound } from "./round.ts"
import { encode } from "./sign.ts"
import { strides } from "./stride.ts"

export const maxPageBytes = 16 * 1024 * 1024

/** Everything behind `after`, in strict order; what comes next is on its way while a page is used. */
export async function* listObjects(
  client: Client,
  { after, signal }: Call & { readonly after?: string } = {},
): AsyncGenerator<readonly Entry[]> {
  const enough = new AbortController()
  const stop = signal ? AbortSignal.any([signal, enough.signal]) : enough.signal
  const ask: Ask = (place) => {
    const page = fetchPage(client, { ...place, signal: stop })
    page.catch(() => undefined)
    return page
  }
  const pacer = pace(() => performance.now())
  const stride = strides()
  let last = after
  try {
    let coming: Promise<Round> | undefined = readRound(ask, after === undefined ? {} : { after }, [], pacer)
    while (coming) {
      const { pages, next }: Round = await coming
      const ahead: string[] = stride.guess(pages, pacer.width - 1)
      coming = next && readRound(ask, next, ahead, pacer)
      coming?.catch(() => undefined)
      for (const page of pages) {
        last = checkOrder(client.name, page, last)
        if (page.length > 0) yield page
      }
    }
  } finally {
    enough.abort(new Error("This listing is not needed any more."))
  }
}

async function fetchPage(
  client: Client,
  { token, after, signal }: Place & { readonly signal: AbortSignal },
): Promise<Page> {
  const { prefix } = client.ref
  // In the order of their names, since they are signed so.
  const query = [
    token === undefined ? "" : `continuation-token=${encode(token)}&`,
    `encoding-type=url&list-type=2&max-keys=1000&prefix=${encode(prefix)}`,
    token === undefined && after !== undefined ? `&start-after=${encode(prefix + after)}` : "",
  ].join("")
  const answer = await client.collect({ method: "GET", query, signal }, maxPageBytes)
  return readPage(accepted(answer, client.about("store")).bytes, prefix, client.name)
}

/** The last key of a page whose keys all come one behind the other, else Fault `corrupt listing.order`. */
export function checkOrder(
  store: string,
  entries: readonly Entry[],
  before: string | undefined,
): string | undefined {
  let last = before
  for (const { key } of entries) {
    if (last !== undefined && compareKeys(last, key) >= 0)
      throw new Fault(
        "corrupt",
        "listing.order",
        `${store} does not list in order: ${quoted(key)} comes behind ${JSON.stringify(last)}.`,
        { scope: "store" },
      )
    last = key
  }
  return last
}
