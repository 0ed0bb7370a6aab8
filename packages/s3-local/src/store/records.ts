import type { Algorithm, Checksum, ChecksumType } from "../checksums/algorithms.ts"

/** Bytes in the depot. They never change; whoever keeps a blob holds a reference to it. */
export type Blob = { readonly id: string; readonly size: number }

export type Tag = readonly [key: string, value: string]

/** What a client may say of an object besides its bytes. Header names in lower case. */
export type Description = {
  /** content-type, cache-control, content-disposition, content-encoding, content-language, expires */
  readonly headers: Readonly<Record<string, string>>
  /** Without the `x-amz-meta-` prefix. */
  readonly metadata: Readonly<Record<string, string>>
  readonly tags: readonly Tag[]
  readonly storageClass: string
}

/** One part of an object that was uploaded in parts. */
export type PartRecord = {
  readonly number: number
  readonly size: number
  readonly checksum?: string
}

export type ObjectRecord = Description & {
  readonly key: string
  readonly size: number
  /** Without quotes. */
  readonly etag: string
  /** ms since 1970, in whole seconds, as S3 keeps it. */
  readonly lastModified: number
  readonly checksum: Checksum
  /** The bytes, in order. */
  readonly blobs: readonly Blob[]
  readonly parts?: readonly PartRecord[]
}

export type UploadedPart = {
  readonly number: number
  readonly size: number
  readonly etag: string
  readonly lastModified: number
  readonly blob: Blob
  /** Base64; of the upload's algorithm. */
  readonly checksum: string
}

/** An upload in parts that is not completed yet. */
export type UploadRecord = Description & {
  readonly id: string
  readonly key: string
  readonly initiated: number
  /** What the client chose; S3 takes CRC64NVME over the full object where it chose nothing. */
  readonly chosen?: Algorithm
  readonly algorithm: Algorithm
  readonly type: ChecksumType
}

export type Upload = {
  readonly record: UploadRecord
  readonly parts: Map<number, UploadedPart>
  /** The bucket's `ticks` when it began. */
  readonly began: number
}
