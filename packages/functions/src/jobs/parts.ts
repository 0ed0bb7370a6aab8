import { Fault } from "@imgmigrator/core/fault"
import type { ItemOutcome } from "@imgmigrator/core/outcome"
import {
  type Call,
  digestOfParts,
  type Facts,
  giveBack,
  type Part,
  type Precondition,
  runningDigest,
  type Store,
  type Upload,
  verifyDigest,
} from "@imgmigrator/stores"
import type { MigrationRow } from "../db/rows.ts"
import { identifyUpload, readUploads, removeUpload, type UploadRow, uploadNote } from "../db/uploads.ts"
import { memory } from "./budget.ts"
import type { Delivery } from "./delivery.ts"
import { describe, migrated, promisedOf, type Started, type Task, verifySize } from "./item.ts"
import { type Reader, readerOf, readingOn } from "./reader.ts"
import { stopped, whyStopped } from "./stopped.ts"
import type { Clock, TimedWorld } from "./world.ts"

/** Items of which parts are at the destination, where the next delivery goes on behind them. */
const kept = new WeakSet<Task>()
export const isKept = (task: Task): boolean => kept.has(task)

/** Parts of one item on their way at once, beside the one that is being read. */
const inFlight = 3

/**
 * Move a large item part by part. Its upload is in the ledger from before its first part, so that the next delivery
 * goes on behind the last part that the destination holds, as long as the source is still the same version.
 */
export async function moveInParts(
  delivery: Delivery,
  task: Task,
  precondition: Precondition,
  facts: Facts,
  started: Started,
): Promise<ItemOutcome> {
  const { destination, session } = delivery
  const description = describe(task.item, facts)
  const { row, upload, parts } = await resumed(delivery, task, facts, description)
  const read = await readerFrom(delivery, task, facts, started, parts.length * upload.partSize)
  const promised = promisedOf(task.item, facts)
  // Of parts that came in an earlier delivery the bytes are gone.
  const hash = promised && parts.length === 0 ? runningDigest(promised.algorithm) : undefined
  const done: Part[] = [...parts]
  const sending = new Set<Promise<void>>()
  const failure = new AbortController()
  const signal = AbortSignal.any([session.signal, failure.signal])
  let size = parts.length * upload.partSize
  if (parts.length > 0) kept.add(task)
  // The first part is what was read already. To ask for its memory a second time would be waiting for oneself, once
  // such items hold all there is.
  let room: (() => void) | undefined = started.giveBack
  try {
    for (let number = parts.length + 1; ; number++) {
      const makeRoom = room ?? (await memory.take(upload.partSize))
      room = undefined
      const bytes = await read(upload.partSize).catch((error: unknown) => {
        makeRoom()
        throw error
      })
      if (bytes.length === 0) {
        makeRoom()
        break
      }
      size += bytes.length
      hash?.update(bytes)
      const sent = destination
        .putPart(upload, number, bytes, { signal })
        .then((part) => {
          done.push(part)
          if (canGoOn(delivery, task, facts)) kept.add(task)
          giveBack(bytes)
        })
        .finally(() => {
          makeRoom()
          sending.delete(sent)
        })
      sent.catch((error: unknown) => failure.abort(error))
      sending.add(sent)
      if (sending.size >= inFlight) await Promise.race(sending)
      if (bytes.length < upload.partSize) break
      signal.throwIfAborted()
      // What is on its way still arrives before the delivery ends: every one of them gets further.
      if (!session.isOver() || !canGoOn(delivery, task, facts)) continue
      await Promise.all(sending)
      throw stopped("time")
    }
    await Promise.all(sending)
    signal.throwIfAborted()
    if (task.item.address !== undefined) verifySize(task.item.size, size)
    const all = done.toSorted((a, b) => a.number - b.number)
    // Before it gets its final name: what was damaged on its way to us must not stand there as the image.
    const actual = promised && (hash?.digest() ?? digestOfParts(promised.algorithm, all))
    if (promised && actual !== undefined) verifyDigest(task.item.key, promised, actual)
    const receipt = await destination.complete(upload, all, {
      signal: session.signal,
      description,
      precondition,
    })
    if (actual === undefined && promised?.algorithm === receipt.checksum.algorithm)
      verifyDigest(task.item.key, promised, receipt.checksum.value)
    await session.ledger(() => removeUpload(session.id, row))
    return migrated(size, receipt.checksum, receipt.confirmed)
  } catch (error) {
    await Promise.allSettled(sending)
    started.body.destroy()
    // Nor is anything thrown away where the delivery ends because of something else.
    if (!isResumable(error) && !session.signal.aborted) await forget(delivery, row)
    throw failure.signal.aborted && !session.signal.aborted ? failure.signal.reason : error
  }
}

/** Time, a pause or a passing fault: the parts that arrived are worth keeping. */
const isResumable = (error: unknown): boolean =>
  whyStopped(error) !== undefined || (error instanceof Fault && error.kind === "unavailable")

async function resumed(
  delivery: Delivery,
  task: Task,
  facts: Facts,
  description: ReturnType<typeof describe>,
) {
  const { destination, session, world } = delivery
  const all = await session.ledger(() => readUploads(session.id))
  const known = all.find(({ n, index }) => n === task.n && index === task.index)
  const begun = known && uploadOf(known)
  if (begun && known.etag === facts.etag && canGoOn(delivery, task, facts)) {
    const parts = await destination.parts(begun, session).catch(missingIsNone)
    if (parts) return { row: known, upload: begun, parts: contiguous(parts, begun.partSize) }
  }
  if (known) await forget(delivery, known)

  const row: UploadRow = {
    n: task.n,
    index: task.index,
    fence: session.lane().fence,
    key: task.item.key,
    at: world.clock.now(),
    ...(facts.etag !== undefined && { etag: facts.etag }),
  }
  // Noted before it begins: one whose beginning is not answered is found by its key.
  await session.put(uploadNote(session.id, row))
  session.throwIfEnded()
  const signal = patient(session.signal, world.clock)
  const upload = await destination.begin(task.item.key, {
    signal,
    description,
    ...(facts.size !== undefined && { size: facts.size }),
  })
  const noted: UploadRow = { ...row, key: upload.key, id: upload.id, part_size: upload.partSize }
  if (!(await session.ledger(() => identifyUpload(session.id, noted)))) {
    // The lane's next holder has looked for it already, and nobody will look again.
    await destination.abort(upload, { signal })
    session.stop("lease")
    throw stopped("lease")
  }
  return { row: noted, upload, parts: [] }
}

/** So much longer than anything else, where a delivery ends, the answer to an upload's beginning is waited for, in ms. */
const grace = 1_000

/**
 * Aborted as this one is, but later, and not at all when the lane is lost: its next holder may have looked for what was
 * begun before it arrives, so that whoever sent it must hear the answer, and throw it away.
 */
function patient(signal: AbortSignal, clock: Clock): AbortSignal {
  const end = new AbortController()
  const onAbort = async () => {
    if (whyStopped(signal.reason) === "lease") return
    await clock.sleep(grace)
    end.abort(signal.reason)
  }
  signal.addEventListener("abort", () => void onAbort().catch(() => {}), { once: true })
  return end.signal
}

/** A promised checksum covers the whole: its hash can't be stored half-way, so such an item starts again. */
const canGoOn = ({ source }: Delivery, { item }: Task, { etag }: Facts): boolean =>
  etag !== undefined && source.capabilities.ranges && item.checksum === undefined

const missingIsNone = (error: unknown): undefined => {
  if (error instanceof Fault && error.code === "upload.missing") return undefined
  throw error
}

/** Whole parts from the first on; a gap, or a short part, and what is behind it is sent again. */
function contiguous(parts: readonly Part[], size: number): readonly Part[] {
  const end = parts.findIndex((part, i) => part.number !== i + 1 || part.size !== size)
  return end === -1 ? parts : parts.slice(0, end)
}

const uploadOf = ({ key, id, part_size }: UploadRow): Upload | undefined =>
  id === undefined || part_size === undefined ? undefined : { key, id, partSize: part_size }

/** How far the store's clock may be behind ours, in ms. */
const skew = 60_000

/** Throw away an upload of an image on its way, and then its note; that ends with the delivery. */
async function forget({ destination, session }: Delivery, row: UploadRow) {
  await throwAway(destination, row, session)
  await session.ledger(() => removeUpload(session.id, row))
}

async function throwAway(destination: Store, row: UploadRow, call: Call) {
  const begun = uploadOf(row)
  const uploads = begun
    ? [begun]
    : (await destination.uploads(row.at - skew, call)).filter(({ key }) => key === row.key)
  for (const upload of uploads) await destination.abort(upload, call)
}

/** The first part is what was read already; where parts are already there, the source is opened anew behind them. */
async function readerFrom(
  { source, session }: Delivery,
  task: Task,
  facts: Facts,
  started: Started,
  start: number,
): Promise<Reader> {
  if (start === 0) return readingOn(started.bytes, started.read)
  giveBack(started.bytes)
  started.body.destroy()
  const opened = await source.open(task.item, {
    signal: session.signal,
    start,
    ...(facts.etag !== undefined && { etag: facts.etag }),
  })
  return readerOf(opened, start)
}

/** Throw away what a migration has begun at its destination and not completed. Rejects with the stop `time`. */
export async function abandonUploads(
  migration: MigrationRow,
  { open, limit: signal }: TimedWorld,
): Promise<void> {
  const rows = await readUploads(migration.id)
  const isFolder = migration.destination.type === "file"
  if (rows.length === 0 && !isFolder) return
  const destination = await open(migration.destination)
  try {
    for (const row of rows) {
      await throwAway(destination, row, { signal })
      await removeUpload(migration.id, row)
    }
    // A folder also says which small files were being written by a process that is no more.
    const leftovers = isFolder ? await destination.uploads(Number.POSITIVE_INFINITY, { signal }) : []
    for (const leftover of leftovers) await destination.abort(leftover, { signal })
  } finally {
    await destination.close()
  }
}
