import type { Options } from "@imgmigrator/core/migration"
import { chunkRule, keysRule } from "./rules/chunk-rules.ts"
import { laneRule } from "./rules/lane-rules.ts"
import { type Known, newLedger } from "./rules/ledger.ts"
import { statusRule } from "./rules/status-rules.ts"
import { watchPlace } from "./rules/store-rules.ts"
import { newSim, type Sim } from "./sim/sim.ts"
import { image, largeImage } from "./sim/store/content.ts"
import { newPlace, type Place, record, write } from "./sim/store/place.ts"
import type { Tally } from "./sim/tally.ts"

/** What a run begins with. */
export type Setting = {
  readonly seed: number
  /** The first migration. */
  readonly wish: Wish
  /** Keys of the two sources. */
  readonly sources: readonly (readonly string[])[]
  /** What the destinations have already, and whether it is the source's. */
  readonly existing: readonly { readonly key: string; readonly isSame: boolean }[]
  readonly hasMd5: boolean
  readonly isOrdered: boolean
  readonly copies: boolean
}

export type Wish = {
  readonly source: number
  readonly destination: number
  readonly options: Partial<Options>
  /** Which Idempotency-Key it comes with. */
  readonly request?: number | undefined
}

export type Scene = {
  readonly sim: Sim
  readonly sources: readonly Place[]
  readonly destinations: readonly Place[]
  /** The test's own books. */
  readonly ledger: ReadonlyMap<string, Known>
  /** In the order of their making. */
  readonly ids: string[]
  /** The migration that an Idempotency-Key with a body made last, and when, by the clock of who made it. */
  readonly requests: Map<string, { readonly id: string; readonly at: number }>
  /** How often a source's image was changed. */
  versions: number
}

export const user = "u1"

/** Of another length in each source: two images of one length are taken for one where only dates tell. */
const contentOf = (key: string, source: number, version: number) => {
  const name = `${key}@${version}${"+".repeat(source)}\n`
  return key.startsWith("large") ? largeImage(name) : image(name)
}

export function newScene(
  { seed, sources, existing, hasMd5, isOrdered, copies }: Setting,
  tally: Tally,
): Scene {
  const sim = newSim(seed, tally)
  const { time } = sim
  const place = (name: string) => {
    const made = newPlace({ name, time, hasMd5, isOrdered, copies })
    sim.places.set(name, made)
    return made
  }
  const scene: Scene = {
    sim,
    sources: sources.map((_, i) => place(`source-${i}`)),
    destinations: [place("destination-0"), place("destination-1")],
    ledger: newLedger(sim, [laneRule, chunkRule, keysRule, statusRule]),
    requests: new Map(),
    ids: [],
    versions: 0,
  }
  for (const destination of scene.destinations) {
    for (const { key, isSame } of existing)
      write(destination, key, { content: contentOf(key, 0, isSame ? 0 : -1), description: {} })
    watchPlace(sim, destination, scene.sources, scene.ledger)
  }
  sources.forEach((keys, i) => {
    for (const key of new Set(keys)) changeSource(scene, i, key, 0)
  })
  return scene
}

/** A new version of a source's image, or one more image. */
export function changeSource(scene: Scene, source: number, key: string, version = ++scene.versions) {
  const place = scene.sources[source]
  if (place) write(place, key, { content: contentOf(key, source, version), description: {} })
}

/** Somebody else at work on an object: writes over it, or takes it away. */
export function meddle(place: Place, key: string, isGone: boolean) {
  if (isGone) record(place, key, undefined)
  else write(place, key, { content: image(`foreign ${key} ${place.serial++}`), description: {} })
}
