import { createHash } from "node:crypto"
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Journal } from "./journal.ts"

/**
 * What is where, below `DIR/buckets/<name>/`: `bucket.json`, `objects/<2 hex>/<SHA-256 of the key>.json`,
 * `uploads/<id>/upload.json` and `uploads/<id>/<part>.json`. A file is written beside and renamed, so that it is there
 * as a whole or not at all; it survives the process, not a loss of power (nothing is fsynced).
 */
export function diskJournal(dir: string): Journal {
  const bucketDir = (bucket: string) => join(dir, bucket)
  const uploadDir = (bucket: string, id: string) => join(dir, bucket, "uploads", id)
  return {
    createBucket(bucket, created) {
      mkdirSync(join(bucketDir(bucket), "uploads"), { recursive: true })
      writeJson(join(bucketDir(bucket), "bucket.json"), { created })
    },
    deleteBucket(bucket) {
      const gone = join(dir, `${deleted}${bucket}-${process.pid}-${++written}`)
      renameSync(bucketDir(bucket), gone)
      rmSync(gone, { recursive: true, force: true })
    },
    saveObject(bucket, record) {
      writeJson(objectFile(bucketDir(bucket), record.key), record)
    },
    deleteObject(bucket, key) {
      rmSync(objectFile(bucketDir(bucket), key), { force: true })
    },
    saveUpload(bucket, record) {
      writeJson(join(uploadDir(bucket, record.id), "upload.json"), record)
    },
    savePart(bucket, uploadId, part) {
      writeJson(join(uploadDir(bucket, uploadId), `${part.number}.json`), part)
    },
    deleteUpload(bucket, { record }) {
      rmSync(join(uploadDir(bucket, record.id), "upload.json"), { force: true })
      rmSync(uploadDir(bucket, record.id), { recursive: true, force: true })
    },
  }
}

/** Begins the name of a bucket's directory from the moment when the bucket is gone; no bucket's name begins so. */
export const deleted = ".deleted-"

function objectFile(bucketDir: string, key: string): string {
  const name = createHash("sha256").update(key).digest("hex")
  return join(bucketDir, "objects", name.slice(0, 2), `${name}.json`)
}

let written = 0

function writeJson(file: string, value: unknown) {
  const beside = `${file}.${process.pid}-${++written}.tmp`
  const text = JSON.stringify(value)
  try {
    writeFileSync(beside, text)
  } catch (error) {
    if (!isMissing(error)) throw error
    mkdirSync(join(file, ".."), { recursive: true })
    writeFileSync(beside, text)
  }
  renameSync(beside, file)
}

const isMissing = (error: unknown) => error instanceof Error && "code" in error && error.code === "ENOENT"
