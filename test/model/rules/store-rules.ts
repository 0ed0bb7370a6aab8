import { migrationOf } from "../sim/deliver.ts"
import type { Sim } from "../sim/sim.ts"
import type { Event, Place } from "../sim/store/place.ts"
import type { Known } from "./ledger.ts"

/** How long work may go on after it was told to stop, in ms: a look a second, and the calls on their way. */
const slack = 2_200

/** A place where migrations write: nothing but whole versions of the source arrives, and nothing older over newer. */
export function watchPlace(
  sim: Sim,
  place: Place,
  sources: readonly Place[],
  ledger: ReadonlyMap<string, Known>,
) {
  const versionOf = (key: string, sha256: string | undefined) =>
    sources
      .flatMap(({ history }) => history.filter((event) => event.key === key && event.after))
      .findLastIndex(({ after }) => after?.content.sha256 === sha256)

  place.onChange = (event) => {
    const { key, before, after, by } = event
    if (!by || !after) return
    const version = versionOf(key, after.content.sha256)
    if (version === -1) sim.breach(`${key} of ${place.name} got bytes that no source has, by ${by.name}`)
    const earlier = before?.by && sources.length === 1 ? versionOf(key, before.content.sha256) : -1
    if (earlier > version)
      sim.breach(`an older ${key} of ${place.name} was written over a newer one by ${by.name}`)
    sim.tally.accept(before ? "write: replaces" : "write: new")
    isStopped(sim, event, ledger)
  }
}

/** Nothing is written once a pause or a cancel has had time to be heard, but by a worker that could not hear. */
function isStopped(sim: Sim, { at, key, by }: Event, ledger: ReadonlyMap<string, Known>) {
  const known = by && ledger.get(migrationOf.get(by) ?? "")
  const last = known?.statuses.at(-1)
  // Nobody can call back what a process that was killed had sent.
  if (!by || by.isExcused || by.wasKilled || !last || at - last.at <= slack) return
  if (last.status === "paused" || last.status === "cancelled")
    sim.breach(`${key} was written ${at - last.at} ms after it was ${last.status}, by ${by.name}`)
}
