import { refusal } from "../errors.ts"
import { byteOrder } from "./byte-order.ts"
import type { Depot } from "./depot.ts"
import type { Journal } from "./journal.ts"
import type { ObjectRecord, Upload } from "./records.ts"
import { type SortedKeys, sortedKeys } from "./sorted-keys.ts"

export type Bucket = {
  readonly name: string
  readonly created: number
  /** In S3's order; names as `byteOrder` writes them. */
  readonly keys: SortedKeys
  /** By `byteOrder(key)`. */
  readonly objects: Map<string, ObjectRecord>
  /** By upload id. */
  readonly uploads: Map<string, Upload>
  /** While there are uploads: when each key was last written or deleted, counted by `ticks`. */
  readonly changes: Map<string, number>
  ticks: number
}

export type Buckets = Map<string, Bucket>

export const emptyBucket = (name: string, created: number): Bucket => ({
  name,
  created,
  keys: sortedKeys(),
  objects: new Map(),
  uploads: new Map(),
  changes: new Map(),
  ticks: 0,
})

export const objectAt = (bucket: Bucket, key: string) => bucket.objects.get(byteOrder(key))

/** The object, or NoSuchKey. */
export function requireObject(bucket: Bucket, key: string): ObjectRecord {
  const record = objectAt(bucket, key)
  if (!record) throw refusal("NoSuchKey", undefined, { Key: key })
  return record
}

/** Puts a record in the index alone. */
export function indexObject(bucket: Bucket, record: ObjectRecord) {
  const order = byteOrder(record.key)
  if (!bucket.objects.has(order)) bucket.keys.add(order)
  bucket.objects.set(order, record)
}

type Keeping = { readonly depot: Depot; readonly journal: Journal }

/**
 * Puts an object under its key. `allowed` sees what is there and throws if it may not be replaced; nothing happens
 * between its look and the write. The references to the record's blobs pass to the bucket.
 */
export function commitObject(
  { depot, journal }: Keeping,
  bucket: Bucket,
  record: ObjectRecord,
  allowed: (before: ObjectRecord | undefined) => void,
) {
  const before = objectAt(bucket, record.key)
  allowed(before)
  journal.saveObject(bucket.name, record)
  indexObject(bucket, record)
  noteChange(bucket, record.key)
  if (before) depot.release(before.blobs)
}

export function removeObject({ depot, journal }: Keeping, bucket: Bucket, key: string) {
  const before = objectAt(bucket, key)
  if (!before) return
  journal.deleteObject(bucket.name, key)
  bucket.objects.delete(byteOrder(key))
  bucket.keys.delete(byteOrder(key))
  noteChange(bucket, key)
  depot.release(before.blobs)
}

/** Only open uploads ask for changes, so nothing is noted without any. */
function noteChange(bucket: Bucket, key: string) {
  if (bucket.uploads.size > 0) bucket.changes.set(key, ++bucket.ticks)
}

/** Was the upload's key written or deleted since it began? */
export const changedSince = (bucket: Bucket, { record, began }: Upload) =>
  (bucket.changes.get(record.key) ?? 0) > began
