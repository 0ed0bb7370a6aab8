import type { ObjectRecord, Upload, UploadedPart, UploadRecord } from "./records.ts"

/** Makes what the server knows last. Every call is atomic and done when it returns. */
export type Journal = {
  createBucket(bucket: string, created: number): void
  deleteBucket(bucket: string): void
  saveObject(bucket: string, record: ObjectRecord): void
  deleteObject(bucket: string, key: string): void
  saveUpload(bucket: string, record: UploadRecord): void
  savePart(bucket: string, uploadId: string, part: UploadedPart): void
  deleteUpload(bucket: string, upload: Upload): void
}

const nothing = () => {}

/** For a server in memory. */
export const noJournal: Journal = {
  createBucket: nothing,
  deleteBucket: nothing,
  saveObject: nothing,
  deleteObject: nothing,
  saveUpload: nothing,
  savePart: nothing,
  deleteUpload: nothing,
}
