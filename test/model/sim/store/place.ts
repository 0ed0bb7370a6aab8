import { Fault } from "@imgmigrator/core/fault"
import type { Checksum, Description, Part, Precondition } from "@imgmigrator/stores"
import type { Proc } from "../process.ts"
import { epoch, type Timeline } from "../timeline.ts"
import type { Content } from "./content.ts"

export type Version = {
  readonly content: Content
  readonly etag: string
  readonly written: number
  readonly description: Description
  readonly checksum?: Checksum
  /** Which process of ours wrote it; absent: somebody else. */
  readonly by?: Proc
}

/** One change of what stands under a key. */
export type Event = {
  readonly at: number
  readonly key: string
  readonly before: Version | undefined
  readonly after: Version | undefined
  readonly by?: Proc
}

export type Upload = {
  readonly key: string
  readonly description: Description
  /** It came to the store when whoever had sent it listened no more. */
  readonly isUnheard: boolean
  readonly parts: Map<number, Part & { readonly bytes: Buffer }>
}

/** Everything that is wrong with a place at the moment, until it is healed. */
export type Troubles = {
  /** Keys that may not be used, one by one. */
  readonly denied: Set<string>
  readonly unavailable: Set<string>
  /** Keys that are read for a minute, and then in vain. */
  readonly hanging: Set<string>
  /** These come so slowly that ten minutes are not enough. */
  readonly trickling: Set<string>
  /** The whole of it: answers 503, refuses our credentials, is gone. */
  whole: "down" | "revoked" | "gone" | undefined
  /** For the next calls, one each. */
  readonly ahead: StoreTrouble[]
}
/**
 * `lost` a write is done and its answer never comes, `cut` a body ends early, `stalled` a call takes a minute, `busy` one
 * 503, `wish` a 503 that asks for a long pause.
 */
export const storeTroubles = ["lost", "cut", "stalled", "busy", "wish"] as const
export type StoreTrouble = (typeof storeTroubles)[number]

/** A bucket. */
export type Place = {
  readonly name: string
  readonly time: Timeline
  readonly objects: Map<string, Version>
  readonly history: Event[]
  /** Hears of each change. */
  onChange?: (event: Event) => void
  readonly uploads: Map<string, Upload>
  readonly troubles: Troubles
  readonly isOrdered: boolean
  /** Are ETags MD5s, so that listings tell what is the same? */
  readonly hasMd5: boolean
  /** Can it copy from another place by itself? */
  readonly copies: boolean
  /** Numbers for ETags and uploads. */
  serial: number
}

export type PlaceOptions = Pick<Place, "name" | "time" | "isOrdered" | "hasMd5" | "copies">

export const newPlace = (options: PlaceOptions): Place => ({
  ...options,
  objects: new Map(),
  history: [],
  uploads: new Map(),
  troubles: {
    denied: new Set(),
    unavailable: new Set(),
    hanging: new Set(),
    trickling: new Set(),
    whole: undefined,
    ahead: [],
  },
  serial: 0,
})

export function heal({ troubles }: Place) {
  troubles.denied.clear()
  troubles.unavailable.clear()
  troubles.hanging.clear()
  troubles.trickling.clear()
  troubles.whole = undefined
  troubles.ahead.length = 0
}

type Writing = Pick<Version, "content" | "description" | "checksum" | "by">

/** The object, atomically, under the final name. */
export function write(place: Place, key: string, { content, ...rest }: Writing): Version {
  const etag = place.hasMd5 ? content.md5 : `etag-${place.serial++}`
  const after = { content, etag, written: epoch + place.time.now(), ...rest }
  record(place, key, after, rest.by)
  return after
}

export function record(place: Place, key: string, after: Version | undefined, by?: Proc) {
  const before = place.objects.get(key)
  if (after) place.objects.set(key, after)
  else place.objects.delete(key)
  const event = { at: place.time.now(), key, before, after, ...(by && { by }) }
  place.history.push(event)
  place.onChange?.(event)
}

/** Fault `conflict destination.changed` where the precondition does not hold. */
export function require(place: Place, key: string, precondition: Precondition | undefined) {
  if (!precondition) throw new Error("A write without a precondition.")
  const found = place.objects.get(key)?.etag
  const holds = "absent" in precondition ? found === undefined : found === precondition.etag
  if (holds) return
  throw new Fault("conflict", "destination.changed", `${key} changed.`)
}
