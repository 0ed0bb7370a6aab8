import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { type Bucket, type Buckets, emptyBucket, indexObject } from "./buckets.ts"
import type { Depot } from "./depot.ts"
import { diskDepot } from "./disk-depot.ts"
import { deleted, diskJournal } from "./disk-journal.ts"
import type { Journal } from "./journal.ts"
import type { ObjectRecord, UploadedPart, UploadRecord } from "./records.ts"

export type Stored = { readonly buckets: Buckets; readonly depot: Depot; readonly journal: Journal }

/** Opens a directory that a server left, and tidies up what it could not finish. */
export function load(dir: string): Stored {
  const [bucketsDir, dataDir] = [join(dir, "buckets"), join(dir, "data")]
  mkdirSync(bucketsDir, { recursive: true })
  const depot = diskDepot(dataDir)
  const buckets: Buckets = new Map()
  for (const name of readdirSync(bucketsDir)) {
    const bucket = name.startsWith(deleted) ? undefined : loadBucket(join(bucketsDir, name), name)
    if (!bucket) rmSync(join(bucketsDir, name), { recursive: true, force: true })
    if (bucket) buckets.set(name, bucket)
  }
  for (const { objects, uploads } of buckets.values()) {
    for (const { blobs } of objects.values()) depot.retain(blobs)
    for (const { parts } of uploads.values()) depot.retain([...parts.values()].map(({ blob }) => blob))
  }
  for (const fan of readdirSync(dataDir))
    for (const id of readdirSync(join(dataDir, fan)))
      if (!depot.holds(id)) rmSync(join(dataDir, fan, id), { force: true })
  return { buckets, depot, journal: diskJournal(bucketsDir) }
}

/** Undefined where the bucket was never quite made, or not quite deleted. */
function loadBucket(dir: string, name: string): Bucket | undefined {
  const [about] = jsonFiles<{ created: number }>(dir)
  if (!about) return undefined
  const bucket = emptyBucket(name, about.created)
  for (const fan of list(join(dir, "objects")))
    for (const record of jsonFiles<ObjectRecord>(join(dir, "objects", fan))) indexObject(bucket, record)
  for (const id of list(join(dir, "uploads"))) loadUpload(bucket, join(dir, "uploads", id), id)
  return bucket
}

function loadUpload(bucket: Bucket, dir: string, id: string) {
  const files = jsonFiles<UploadRecord | UploadedPart>(dir)
  const record = files.find((value) => "id" in value)
  const parts = files.flatMap((value) => ("number" in value ? [[value.number, value] as const] : []))
  if (record) bucket.uploads.set(id, { record, parts: new Map(parts), began: bucket.ticks })
  if (!record) rmSync(dir, { recursive: true, force: true })
}

/** Everything that this program wrote below `dir`; a half-written file is deleted. */
function jsonFiles<Value>(dir: string): Value[] {
  return list(dir).flatMap((name) => {
    const file = join(dir, name)
    if (name.endsWith(".tmp")) rmSync(file, { force: true })
    if (!name.endsWith(".json")) return []
    // Written by diskJournal from exactly this type, and renamed into place as a whole.
    return [JSON.parse(readFileSync(file, "utf8")) as Value]
  })
}

const list = (dir: string) => (existsSync(dir) ? readdirSync(dir) : [])
