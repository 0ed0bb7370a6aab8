import { hash } from "node:crypto"
import { Fault } from "@imgmigrator/core/fault"
import type { Item, ItemOutcome } from "@imgmigrator/core/outcome"
import {
  type Checksum,
  type Description,
  type Facts,
  giveBack,
  lend,
  type Opened,
  type Precondition,
  type Promised,
  partSize,
  type Receipt,
  verifySource,
} from "@imgmigrator/stores"
import { memory } from "./budget.ts"
import { sameTime } from "./decide.ts"
import type { Delivery } from "./delivery.ts"
import { digestOf } from "./digest.ts"
import { moveInParts } from "./parts.ts"
import { type Reader, readerOf } from "./reader.ts"

/** An item, and where it stands in the books. */
export type Task = { readonly n: number; readonly index: number; readonly item: Item }

/**
 * Bring one item to the destination and have it confirmed there. `careful`: it may have arrived without being booked,
 * so look before moving bytes. Throws Faults as the stores do; whoever calls decides what they are worth.
 */
export async function moveItem(delivery: Delivery, task: Task, careful: boolean): Promise<ItemOutcome> {
  const { planned, key } = task.item
  if (planned.state === "decided") return planned.outcome
  if (planned.state === "unknown") return moveUnplanned(delivery, task)
  const expected: Precondition = planned.state === "absent" ? { absent: true } : { etag: planned.etag }
  // A store without preconditions looks by itself before it writes.
  if (!careful) return move(delivery, task, expected)
  const found = await delivery.destination.stat({ key }, delivery.session)
  if (!found) return move(delivery, task, { absent: true })
  if (holds(expected, found)) return move(delivery, task, expected)
  return arrived(delivery, task, expected, found)
}

/** Something else than was planned stands there: this very item, come without its answer, or not ours to overwrite. */
async function arrived(
  delivery: Delivery,
  task: Task,
  expected: Precondition,
  found: Facts,
): Promise<ItemOutcome> {
  const same = (await sameAsSource(delivery, task, found)) ?? (await sameBytes(delivery, task, found))
  if (!same) throw taken(expected)
  return migrated(found.size ?? 0, same.checksum, "read-back")
}

const holds = (expected: Precondition, found: Facts): boolean =>
  "etag" in expected && expected.etag === found.etag

/** Planned absent, and something else is there: two sources of one key, or somebody else's write. */
const taken = (expected: Precondition): Fault =>
  "absent" in expected
    ? new Fault(
        "conflict",
        "destination.collision",
        "The destination already has another object under this key; nothing was overwritten.",
      )
    : new Fault(
        "conflict",
        "destination.changed",
        "The destination's object changed since it was planned; nothing was overwritten.",
      )

/** The destination was not listed: what stands there decides. */
async function moveUnplanned(delivery: Delivery, task: Task): Promise<ItemOutcome> {
  const { overwrite } = delivery.row.options
  const found = await delivery.destination.stat(task.item, delivery.session)
  if (!found) return move(delivery, task, { absent: true })
  if (overwrite === "never") return { outcome: "skipped", code: "skipped.exists", bytes: found.size ?? 0 }
  const same = overwrite === "different" ? await sameAsSource(delivery, task, found) : undefined
  if (same) return { outcome: "skipped", code: same.rule, bytes: found.size ?? 0 }
  return move(delivery, task, found.etag === undefined ? { absent: true } : { etag: found.etag })
}

/** Is what was found at the destination this item? By a promised checksum, else by size and the time that we keep. */
async function sameAsSource(
  delivery: Delivery,
  { item }: Task,
  found: Facts,
): Promise<{ readonly rule: string; readonly checksum: Checksum } | undefined> {
  const { source, destination, session } = delivery
  if (item.checksum && found.checksum?.algorithm === item.checksum.algorithm)
    return item.checksum.value === found.checksum.value
      ? { rule: `skipped.${item.checksum.algorithm}`, checksum: found.checksum }
      : undefined
  const here = await source.stat(item, session)
  if (
    here?.checksum &&
    here.checksum.algorithm === found.checksum?.algorithm &&
    here.checksum.value !== found.checksum.value
  )
    return undefined
  if (!here || here.size !== found.size || !sameTime(found.mtime, item.mtime ?? timeOf(here)))
    return undefined
  if (found.checksum) return { rule: "skipped.mtime", checksum: found.checksum }
  const { digest } = await digestOf(destination, { key: item.key }, "sha256", session.signal)
  return { rule: "skipped.mtime", checksum: { algorithm: "sha256", value: digest.toString("base64") } }
}

/** The last resort: both are read through. Only where something stands at the destination that should not. */
async function sameBytes(
  { source, destination, session }: Delivery,
  { item }: Task,
  found: Facts,
): Promise<{ readonly checksum: Checksum } | undefined> {
  if (item.size !== undefined && found.size !== undefined && item.size !== found.size) return undefined
  const here = await digestOf(source, item, "sha256", session.signal)
  const value = here.digest.toString("base64")
  if (found.checksum?.algorithm === "sha256")
    return found.checksum.value === value ? { checksum: found.checksum } : undefined
  const there = await digestOf(destination, { key: item.key }, "sha256", session.signal)
  return there.digest.equals(here.digest) ? { checksum: { algorithm: "sha256", value } } : undefined
}

/** A store without modification times of its own has at least the time of the write. */
const timeOf = (facts: Facts): number | undefined => facts.mtime ?? facts.written

async function move(delivery: Delivery, task: Task, expected: Precondition): Promise<ItemOutcome> {
  try {
    return await transfer(delivery, task, expected)
  } catch (error) {
    if (!(error instanceof Fault && error.code === "destination.changed")) throw error
    const found = await delivery.destination.stat(task.item, delivery.session)
    if (!found) throw taken(expected)
    return arrived(delivery, task, expected, found)
  }
}

async function transfer(delivery: Delivery, task: Task, precondition: Precondition): Promise<ItemOutcome> {
  const { source, destination, session } = delivery
  const { item } = task
  if (destination.copyFrom && item.checksum === undefined) {
    const copied = await destination.copyFrom(source, item, item.key, {
      signal: session.signal,
      precondition,
    })
    if (copied) return migrated(copied.facts.size ?? item.size ?? 0, copied.checksum, copied.confirmed)
  }
  const giveMemoryBack = await memory.take(Math.min(partSize, item.size ?? partSize))
  try {
    const opened = await source.open(item, session)
    const { size } = opened.facts
    const whole: Whole =
      size !== undefined && size <= partSize ? await readWhole(opened, size) : await readFirst(opened)
    if ("read" in whole)
      return await moveInParts(delivery, task, precondition, opened.facts, {
        ...whole,
        giveBack: giveMemoryBack,
      })
    const { bytes } = whole
    const sha256 = hash("sha256", bytes, "buffer")
    if (item.address !== undefined) verifySize(item.size, bytes.length)
    verifySource(item.key, promisedOf(item, opened.facts), bytes, sha256)
    const receipt = await destination.put(item.key, bytes, {
      signal: session.signal,
      sha256,
      description: describe(item, opened.facts),
      precondition,
    })
    // After a failed write somebody may still be reading it: then it is left to be collected.
    giveBack(bytes)
    return migrated(size ?? bytes.length, receipt.checksum, receipt.confirmed)
  } finally {
    giveMemoryBack()
  }
}

export const migrated = (
  bytes: number,
  { algorithm, value }: Checksum,
  kind: Receipt["confirmed"],
): ItemOutcome => ({
  outcome: "migrated",
  bytes,
  checksum: { algorithm, value, kind },
})

/** What travels with the bytes: all that the source says, and its time. */
export function describe(item: Item, facts: Facts): Description {
  const mtime = item.mtime ?? timeOf(facts)
  const {
    contentType,
    cacheControl,
    contentDisposition,
    contentEncoding,
    contentLanguage,
    metadata,
    mtimeExact,
  } = facts
  return {
    ...(contentType !== undefined && { contentType }),
    ...(cacheControl !== undefined && { cacheControl }),
    ...(contentDisposition !== undefined && { contentDisposition }),
    ...(contentEncoding !== undefined && { contentEncoding }),
    ...(contentLanguage !== undefined && { contentLanguage }),
    ...(mtime !== undefined && { mtime }),
    ...(item.mtime === undefined && mtimeExact !== undefined && { mtimeExact }),
    ...(metadata && { metadata }),
  }
}

/** What a list promises, else what the source keeps: a bit flipped on the way to us is not passed on. */
export function promisedOf(item: Item, facts: Facts): Promised | undefined {
  if (item.checksum) return { ...item.checksum, by: "list" }
  return facts.checksum && { ...facts.checksum, by: "source" }
}

/** A list may promise a size: another number of bytes is not what was asked for. */
export function verifySize(promised: number | undefined, actual: number) {
  if (promised === undefined || promised === actual) return
  throw new Fault("corrupt", "source.checksum", `${actual} bytes came where the list promises ${promised}.`)
}

/** The first part, and the rest of the body to be read on. */
export type Started = {
  readonly bytes: Buffer
  readonly read: Reader
  readonly body: Opened["body"]
  /** Gives the memory of these bytes back. */
  readonly giveBack: () => void
}

type Whole = { readonly bytes: Buffer } | Omit<Started, "giveBack">

/** A body of known size into one Buffer that is used again afterwards. */
async function readWhole({ body, readInto }: Opened, size: number): Promise<Whole> {
  const bytes = lend(size)
  if (readInto) {
    await readInto(bytes)
    return { bytes }
  }
  let length = 0
  for await (const chunk of body) {
    if (length + chunk.length > size)
      throw new Fault("stale", "source.changed", "More bytes came than were announced.")
    bytes.set(chunk, length)
    length += chunk.length
  }
  if (length < size) throw new Fault("stale", "source.changed", "Fewer bytes came than were announced.")
  return { bytes }
}

/** The whole body where it is smaller than a part, else the first part and how to read on. */
async function readFirst(opened: Opened): Promise<Whole> {
  const read = readerOf(opened)
  const bytes = await read(partSize)
  return bytes.length < partSize ? { bytes } : { bytes, read, body: opened.body }
}
