import { createHash } from "node:crypto"
import { Fault } from "@imgmigrator/core/fault"
import { compareKeys } from "@imgmigrator/core/merge"
import type { Call, Entry, Facts, Receipt, Store } from "@imgmigrator/stores"
import { outside, type Proc } from "../process.ts"
import type { Tally } from "../tally.ts"
import { contentOf } from "./content.ts"
import { type Place, require, type StoreTrouble, type Version, write } from "./place.ts"
import { uploadsOf } from "./uploads.ts"

const pageLength = 3
type Kind = "read" | "write" | "list"

const suits: Readonly<Record<StoreTrouble, readonly Kind[]>> = {
  lost: ["write"],
  cut: ["read"],
  stalled: ["read", "write", "list"],
  busy: ["read", "write", "list"],
  wish: ["read", "write"],
}

export type Ask = <T>(
  kind: Kind,
  key: string | undefined,
  effect: () => T,
  call: Call | undefined,
) => Promise<T>

/** One call to a place, with whatever is wrong there. */
export function askOf(place: Place, proc: Proc, tally: Tally): Ask {
  const refuse = (kind: Kind, key: string | undefined) => {
    const side = kind === "write" ? "destination" : "source"
    const { whole, denied, unavailable, hanging } = place.troubles
    if (whole) tally.accept(`store: met ${whole}`)
    if (whole === "gone")
      throw new Fault("missing", "store.missing", `${place.name} is not there.`, { scope: "store" })
    if (whole === "revoked" || (key !== undefined && denied.has(key)))
      throw new Fault("denied", `${side}.denied`, `${place.name} refuses us.`)
    if (kind === "read" && key !== undefined && hanging.has(key))
      throw new Fault("unavailable", `${side}.unreachable`, `${place.name} did not answer in time.`)
    if (whole === "down" || (key !== undefined && unavailable.has(key)))
      throw new Fault("unavailable", `${side}.unavailable`, `${place.name} answers 503.`)
  }
  return (kind, key, effect, call) => {
    const { ahead } = place.troubles
    const at = key === undefined ? -1 : ahead.findIndex((each) => suits[each].includes(kind))
    const [trouble] = at === -1 ? [] : ahead.splice(at, 1)
    if (trouble) tally.accept(`store: ${trouble}`)
    const hangs = kind === "read" && key !== undefined && place.troubles.hanging.has(key)
    const trickles = kind === "read" && key !== undefined && place.troubles.trickling.has(key)
    const stalled = trickles ? 600_000 : trouble === "stalled" || hangs ? 60_000 : 0
    return outside(proc, {
      what: `${kind} ${key ?? "whole"} ${place.name}`,
      there: proc.random.between(2, 20) + stalled,
      back: proc.random.between(2, 20),
      signal: call?.signal,
      effect: () => {
        refuse(kind, key)
        if (trouble === "busy") throw new Fault("unavailable", "store.busy", "503")
        if (trouble === "wish") throw new Fault("unavailable", "store.busy", "503", { retryAfterMs: 40_000 })
        const answer = effect()
        if (trouble === "lost") throw new Fault("unavailable", "store.reset", "The connection was reset.")
        return trouble === "cut" ? cut(answer) : answer
      },
    })
  }
}

/** Marks a body that is going to end too early. */
const cutBodies = new WeakSet<object>()
function cut<T>(answer: T): T {
  if (typeof answer === "object" && answer !== null) cutBodies.add(answer)
  return answer
}

/** Listings say of these that they are too long for two to share a chunk, so that few images make many chunks. */
const isBulky = (key: string) => key.startsWith("bulky")

export const entryOf = (key: string, { content, etag, written }: Version): Entry => ({
  key,
  size: content.size + (isBulky(key) ? 600 * 1024 ** 2 : 0),
  etag,
  written,
})

export const factsOf = (key: string, version: Version): Facts => ({
  ...entryOf(key, version),
  size: version.content.size,
  ...version.description,
  ...(version.checksum && { checksum: version.checksum }),
})

export const receipt = (version: Version): Receipt => ({
  etag: version.etag,
  checksum: version.checksum ?? { algorithm: "sha256", value: version.content.sha256 },
  confirmed: "store",
})

/** A store on a place, as a delivery opens it. */
export function openPlace(place: Place, proc: Proc, tally: Tally): Store {
  const ask = askOf(place, proc, tally)
  const found = (key: string) => {
    const version = place.objects.get(key)
    if (!version) throw new Fault("missing", "source.missing", `${key} is not there.`)
    return version
  }
  const keys = () => {
    const all = [...place.objects.keys()].sort(compareKeys)
    return place.isOrdered ? all : all.toSorted((a, b) => compareKeys(reversed(a), reversed(b)))
  }

  const store: Store = {
    kind: "s3",
    name: place.name,
    capabilities: {
      ordered: place.isOrdered,
      preconditions: true,
      checksums: true,
      ranges: true,
      writable: true,
    },
    probe: async (purpose, call) => {
      try {
        await ask(purpose, undefined, () => undefined, call)
      } catch (error) {
        if (!(error instanceof Fault)) throw error
        throw new Fault(error.kind, error.code, error.message, { scope: "store" })
      }
    },
    list: async function* ({ after, signal } = {}) {
      let from = after
      for (;;) {
        const page = await ask("list", "a page", () => pageBehind(place, keys(), from), {
          ...(signal && { signal }),
        })
        if (page.length === 0) return
        yield page
        from = page.at(-1)?.key
      }
    },
    stat: ({ key }, call) =>
      ask(
        "read",
        key,
        () => {
          const version = place.objects.get(key)
          return version && factsOf(key, version)
        },
        call,
      ),
    open: async ({ key }, options = {}) => {
      const version = await ask(
        "read",
        key,
        () => {
          const version = { ...found(key) }
          if (options.etag !== undefined && options.etag !== version.etag)
            throw new Fault("stale", "source.changed", `${key} changed.`)
          return version
        },
        options,
      )
      const isCut = cutBodies.has(version)
      return { facts: factsOf(key, version), body: bodyOf(proc, version, options, isCut) }
    },
    put: (key, bytes, { sha256, description, precondition, signal }) =>
      ask(
        "write",
        key,
        () => {
          if (!createHash("sha256").update(bytes).digest().equals(sha256))
            throw new Fault("corrupt", "destination.checksum", "The bytes are not what was announced.")
          require(place, key, precondition)
          const content = contentOf([Buffer.from(bytes)])
          const checksum = { algorithm: "sha256", value: content.sha256 } as const
          return receipt(write(place, key, { content, description, checksum, by: proc }))
        },
        { ...(signal && { signal }) },
      ),
    ...uploadsOf(place, proc, ask, tally),
    ...(place.copies && { copyFrom: copyInto(place, proc, ask, tally) }),
    close: async () => {},
  }
  places.set(store, place)
  return store
}

const places = new WeakMap<Store, Place>()

const copyInto =
  (place: Place, proc: Proc, ask: Ask, tally: Tally): NonNullable<Store["copyFrom"]> =>
  async (source, entry, key, { precondition, signal }) => {
    const from = places.get(source)
    if (!from) return undefined
    return ask(
      "write",
      key,
      () => {
        const version = from.objects.get(entry.key)
        if (!version) throw new Fault("missing", "source.missing", `${entry.key} is not there.`)
        if (entry.etag !== undefined && entry.etag !== version.etag)
          throw new Fault("stale", "source.changed", `${entry.key} changed.`)
        require(place, key, precondition)
        const mtime = version.description.mtime ?? version.written
        const description = { ...version.description, mtime }
        const checksum = { algorithm: "sha256", value: version.content.sha256 } as const
        tally.accept("write: copied inside the store")
        const copy = write(place, key, { content: version.content, description, checksum, by: proc })
        return { ...receipt(copy), facts: factsOf(key, copy) }
      },
      { ...(signal && { signal }) },
    )
  }

const reversed = (text: string) => [...text].reverse().join("")

function pageBehind(place: Place, keys: readonly string[], after: string | undefined): readonly Entry[] {
  const order = place.isOrdered
    ? compareKeys
    : (a: string, b: string) => compareKeys(reversed(a), reversed(b))
  const rest = after === undefined ? keys : keys.filter((key) => order(key, after) > 0)
  return rest.slice(0, pageLength).flatMap((key) => {
    const version = place.objects.get(key)
    return version ? [entryOf(key, version)] : []
  })
}

type Range = Call & { readonly start?: number }

function bodyOf(proc: Proc, { content }: Version, { start = 0, signal }: Range, isCut: boolean) {
  async function* read() {
    let at = 0
    for (const bytes of content.bytes) {
      signal?.throwIfAborted()
      const from = Math.max(0, start - at)
      at += bytes.length
      if (from >= bytes.length) continue
      // One call a megabyte, or a large image would take no time.
      if (bytes.length > 1000)
        await outside(proc, { what: "bytes", there: 50, back: 0, effect: () => undefined, signal })
      if (isCut) {
        yield bytes.subarray(from, (from + bytes.length) >> 1)
        throw new Fault("unavailable", "source.cut", "The body ended too early.")
      }
      yield bytes.subarray(from)
    }
  }
  return Object.assign(read(), { destroy: () => undefined })
}
