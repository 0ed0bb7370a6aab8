import { Fault } from "@imgmigrator/core/fault"
import { compareKeys } from "@imgmigrator/core/merge"
import type { Entry } from "../store.ts"
import type { Page } from "./listing.ts"
import type { pace } from "./pace.ts"

/** Where a page begins: behind a key, or where the page before said. */
export type Place = { readonly token?: string; readonly after?: string }
export type Ask = (place: Place) => Promise<Page>
/** Pages without gap or overlap, and where to go on. */
export type Round = { readonly pages: readonly (readonly Entry[])[]; readonly next?: Place }

/** Pages one behind the other, from a place that was asked for to where the next one was asked for. */
type Run = {
  readonly pages: readonly Page[]
  readonly reached: string | undefined
  readonly next: string | undefined
}

/** More pages than this in a run: the guesses are too far apart to be of use. */
const maxRun = 3

/**
 * The page at `from`, and those that may come behind it, asked for at once from the keys `ahead`. Where one does not
 * reach the next, what lies between is asked for, in all gaps at once; then they are joined.
 */
export async function readRound(
  ask: Ask,
  from: Place,
  ahead: readonly string[],
  pacer: ReturnType<typeof pace>,
): Promise<Round> {
  let asked = 0
  const counted: Ask = (place) => {
    asked += 1
    return ask(place)
  }
  pacer.begin()
  const places = [from, ...ahead.map((after) => ({ after }))]
  const runs = await Promise.all(places.map((place, index) => readRun(counted, place, ahead[index])))
  const pages: (readonly Entry[])[] = []
  let keys = 0
  let reached: string | undefined
  let next: string | undefined
  for (const [index, run] of runs.entries()) {
    const start = index === 0 ? undefined : ahead[index - 1]
    // A gap that was not closed: what lies behind it is of no use.
    if (start !== undefined && (next === undefined || compareKeys(reached ?? "", start) < 0)) break
    const first = run.pages[0]?.entries[0]?.key
    if (start !== undefined && first !== undefined && compareKeys(first, start) <= 0) {
      pacer.stop()
      break
    }
    // All that it has, another has too.
    if (run.next !== undefined && reached !== undefined && compareKeys(run.reached ?? "", reached) <= 0)
      continue
    for (const { entries } of run.pages) {
      const fresh = behind(entries, reached)
      keys += fresh.length
      pages.push(fresh)
    }
    if (reached === undefined || compareKeys(run.reached ?? "", reached) > 0) reached = run.reached
    next = run.next
  }
  pacer.end(keys, asked, places.length)
  return { pages, ...(next !== undefined && { next: { token: next } }) }
}

async function readRun(ask: Ask, from: Place, until: string | undefined): Promise<Run> {
  const pages: Page[] = []
  let reached: string | undefined
  let token = from.token
  do {
    const page = await ask(token === undefined ? from : { token })
    if (page.next !== undefined && page.next === token) throw circles()
    pages.push(page)
    reached = page.last ?? reached
    token = page.next
  } while (
    token !== undefined &&
    until !== undefined &&
    pages.length < maxRun &&
    compareKeys(reached ?? "", until) < 0
  )
  return { pages, reached, next: token }
}

/** The entries behind a key; they are in order. */
function behind(entries: readonly Entry[], key: string | undefined): readonly Entry[] {
  if (key === undefined) return entries
  const from = entries.findIndex((entry) => compareKeys(entry.key, key) > 0)
  return from < 0 ? [] : entries.slice(from)
}

const circles = () =>
  new Fault(
    "corrupt",
    "listing.order",
    "The listing goes round in circles: the store repeats where to go on.",
    {
      scope: "store",
    },
  )
