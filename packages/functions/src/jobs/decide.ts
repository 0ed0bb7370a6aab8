import { rawSize } from "@imgmigrator/core/chunker"
import { clockMargin, compare } from "@imgmigrator/core/equal"
import { Fault } from "@imgmigrator/core/fault"
import { chunkRaw } from "@imgmigrator/core/lane"
import { brief, type Item, type ItemOutcome, type Planned } from "@imgmigrator/core/outcome"
import type { Entry, Store } from "@imgmigrator/stores"
import picomatch from "picomatch"
import type { Delivery } from "./delivery.ts"
import { digestOf } from "./digest.ts"
import { inPool } from "./pool.ts"

/** A source's entry, and what the destination has under its key: `undefined` nothing, `"unknown"` not listed. */
export type Pair = { readonly source: Entry; readonly destination: Entry | "unknown" | undefined }
/** `item` is absent where no glob lets the entry in. */
export type Decision = { readonly entry: Entry; readonly item: Item | undefined }

const lookers = 32
const md5 = /^[0-9a-f]{32}$/i

/** What is to be done with each entry, from the listings where they tell, else by a look at that item alone. */
export function decider(delivery: Delivery): (pairs: readonly Pair[]) => Promise<readonly Decision[]> {
  const { options } = delivery.row
  const matches = (globs: readonly string[]) => picomatch([...globs], { dot: true })
  const included = options.include.length > 0 ? matches(options.include) : () => true
  const excluded = options.exclude.length > 0 ? matches(options.exclude) : () => false

  const decide = ({ source, destination }: Pair): Decision | Promise<Decision> => {
    if (!included(source.key) || excluded(source.key)) return { entry: source, item: undefined }
    return onceKnown(plannedFor(delivery, source, destination), (planned) => ({
      entry: source,
      item: fitting(itemOf(delivery, source, planned)),
    }))
  }
  return (pairs) => inPool(pairs, lookers, decide)
}

const decided = (outcome: ItemOutcome): Planned => ({ state: "decided", outcome })
const skipped = (code: string, bytes: number | undefined): Planned =>
  decided({ outcome: "skipped", code, ...(bytes !== undefined && { bytes }) })
const failed = ({ code, message }: Fault): Planned =>
  decided({ outcome: "failed", code, message: brief(message) })

/** At once where the value is here: of a listing's keys most are decided without a look. */
const onceKnown = <T, R>(value: T | Promise<T>, next: (value: T) => R): R | Promise<R> =>
  value instanceof Promise ? value.then(next) : next(value)

function plannedFor(
  delivery: Delivery,
  source: Entry,
  found: Pair["destination"],
): Planned | Promise<Planned> {
  if (source.fault) return failed(source.fault)
  const planned = againstDestination(delivery, source, found)
  if (!delivery.row.options.dry_run) return planned
  return onceKnown(planned, (known) =>
    known.state === "decided" ? known : skipped("dry_run.would_copy", source.size),
  )
}

function againstDestination(
  delivery: Delivery,
  source: Entry,
  found: Pair["destination"],
): Planned | Promise<Planned> {
  if (found === undefined) return { state: "absent" }
  if (found === "unknown") return { state: "unknown" }
  const { overwrite } = delivery.row.options
  if (overwrite === "never") return skipped("skipped.exists", source.size)
  const rule = overwrite === "different" ? equalBy(delivery, source, found) : undefined
  return onceKnown(rule, (equal) => {
    if (equal) return skipped(equal, source.size)
    return found.etag === undefined ? { state: "unknown" } : { state: "replace", etag: found.etag }
  })
}

/** The rule by which both are the same; `undefined` where they are not, or where nothing proves it. */
function equalBy(
  delivery: Delivery,
  source: Entry,
  found: Entry,
): string | undefined | Promise<string | undefined> {
  const { source: from, destination: to } = delivery
  const margin = from.kind === "file" && to.kind === "file" ? 0 : clockMargin
  const verdict = compare(onOurClock(from, source), onOurClock(to, found), margin)
  if (verdict.equal === undefined) return equalAtALook(delivery, source, found)
  return verdict.equal ? verdict.rule : undefined
}

/** The listings do not tell. */
async function equalAtALook(
  { source: from, destination: to, session }: Delivery,
  source: Entry,
  found: Entry,
): Promise<string | undefined> {
  // The MD5 of a local file is cheaper than a request, and proves more.
  const local =
    from.kind === "file" && md5.test(found.etag ?? "")
      ? { store: from, entry: source, other: found }
      : undefined
  const remote =
    to.kind === "file" && md5.test(source.etag ?? "") ? { store: to, entry: found, other: source } : undefined
  const readable = local ?? remote
  if (readable) {
    const { digest } = await digestOf(readable.store, readable.entry, "md5", session.signal)
    return digest.toString("hex") === readable.other.etag?.toLowerCase() ? "skipped.md5" : undefined
  }
  const [there, here] = await Promise.all([to.stat(found, session), from.stat(source, session)])
  if (!there || !here || there.size !== here.size) return undefined
  const promised = source.checksum ?? here.checksum
  if (there.checksum?.algorithm === "sha256" && from.kind === "file") {
    const { digest } = await digestOf(from, source, "sha256", session.signal)
    return digest.toString("base64") === there.checksum.value ? "skipped.sha256" : undefined
  }
  if (promised && there.checksum?.algorithm === promised.algorithm)
    return there.checksum.value === promised.value ? `skipped.${promised.algorithm}` : undefined
  return sameTime(there.mtime, source.mtime ?? here.mtime ?? here.written) ? "skipped.mtime" : undefined
}

const onOurClock = (store: Store, entry: Entry): Entry =>
  entry.written === undefined ? entry : { ...entry, written: entry.written - (store.skew?.() ?? 0) }

/** The same modification time, as far as doubles and file systems carry it. */
export const sameTime = (a: number | undefined, b: number | undefined): boolean =>
  a !== undefined && b !== undefined && Math.abs(a - b) < 0.001

function itemOf(delivery: Delivery, entry: Entry, planned: Planned): Item {
  const isCopied = planned.state !== "decided"
  return {
    key: entry.key,
    ...(entry.address !== undefined && { address: entry.address }),
    ...(entry.size !== undefined && { size: entry.size }),
    // A server-side copy is held to the version that was listed; anything else learns it from its own read.
    ...(isCopied &&
      delivery.destination.copyFrom &&
      entry.etag !== undefined &&
      delivery.source.kind === "s3" && { etag: entry.etag }),
    ...(isCopied && delivery.source.kind === "urls" && entry.mtime !== undefined && { mtime: entry.mtime }),
    ...(isCopied && delivery.source.kind === "urls" && entry.checksum && { checksum: entry.checksum }),
    planned,
  }
}

/** An item whose own entry is longer than a chunk may be can't be booked: it fails, with a shortened name. */
function fitting(item: Item): Item {
  if (rawSize(item) <= chunkRaw) return item
  const fault = new Fault("invalid", "source.name", "The name or address is longer than 256 KB.")
  return { key: item.key.slice(0, 200), planned: failed(fault) }
}
