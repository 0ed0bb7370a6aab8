import { Fault } from "@imgmigrator/core/fault"
import { compareKeys } from "@imgmigrator/core/merge"
import type { Call, Entry } from "../store.ts"
import { accepted, type Client } from "./client.ts"
import { type Page, readPage } from "./listing.ts"
import { encode } from "./sign.ts"

export const maxPageBytes = 16 * 1024 * 1024

/** Everything behind `after`, in strict order; the next page is on its way while one is used. */
export async function* listObjects(
  client: Client,
  { after, signal }: Call & { readonly after?: string } = {},
): AsyncGenerator<readonly Entry[]> {
  const enough = new AbortController()
  const stop = signal ? AbortSignal.any([signal, enough.signal]) : enough.signal
  const fetch = (token?: string) => {
    const page = fetchPage(client, { token, after, signal: stop })
    page.catch(() => undefined)
    return page
  }
  try {
    let coming: Promise<Page> | undefined = fetch()
    let token: string | undefined
    let last = after
    while (coming) {
      const page: Page = await coming
      if (page.next !== undefined && page.next === token)
        throw disordered(`The listing of ${client.name} goes round in circles.`)
      token = page.next
      coming = token === undefined ? undefined : fetch(token)
      last = checkOrder(client.name, page.entries, last)
      if (page.entries.length > 0) yield page.entries
    }
  } finally {
    enough.abort(new Error("This listing is not needed any more."))
  }
}

export async function fetchPage(
  client: Client,
  { token, after, signal }: { token?: string | undefined; after?: string | undefined; signal?: AbortSignal },
): Promise<Page> {
  const { prefix } = client.ref
  // In the order of their names, since they are signed so.
  const query = [
    token === undefined ? "" : `continuation-token=${encode(token)}&`,
    `encoding-type=url&list-type=2&max-keys=1000&prefix=${encode(prefix)}`,
    token === undefined && after !== undefined ? `&start-after=${encode(prefix + after)}` : "",
  ].join("")
  const answer = await client.collect({ method: "GET", query, signal }, maxPageBytes)
  return readPage(accepted(answer, client.about("store")).bytes.toString(), prefix, client.name)
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
      throw disordered(
        `${store} does not list in order: ${JSON.stringify(key)} comes behind ${JSON.stringify(last)}.`,
      )
    last = key
  }
  return last
}

const disordered = (message: string) => new Fault("corrupt", "listing.order", message, { scope: "store" })
