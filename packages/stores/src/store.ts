import type { Fault } from "@imgmigrator/core/fault"

/** A checksum that covers the whole object. `value` is base64 of the raw digest, as S3 writes it. */
export type Checksum = { readonly algorithm: "sha256" | "crc64nvme" | "md5"; readonly value: string }

/** What travels with the bytes. `mtime` is the content's modification time in ms (fractions allowed). */
export type Description = {
  readonly contentType?: string
  readonly cacheControl?: string
  readonly contentDisposition?: string
  readonly contentEncoding?: string
  readonly contentLanguage?: string
  readonly mtime?: number
  /** The same, exact: seconds with up to nine decimals, as rclone writes them. Preferred where both are given. */
  readonly mtimeExact?: string
  /** User metadata, lower-case names, without `mtime` and without the `x-amz-meta-` prefix. */
  readonly metadata?: Readonly<Record<string, string>>
}

/** What a listing tells of one object. Absent means that the store does not say. */
export type Entry = {
  /** Relative to the store's prefix, `/` between segments, never leading, valid UTF-8. */
  readonly key: string
  /** Bytes. */
  readonly size?: number
  /** Unquoted; strong. A store without ETags makes one that changes when the object does. */
  readonly etag?: string
  /** When the object was written to this store, in ms (S3 LastModified, file ctime). */
  readonly written?: number
  /** When the content was last modified, in ms, where a listing tells (file mtime, manifest column). */
  readonly mtime?: number
  /** What the list itself promises of the bytes (manifest column). */
  readonly checksum?: Checksum
  /** Where to read it, if that is not `key` (the address in a manifest). Passed to `open` and `stat` as `entry`. */
  readonly address?: string
  /** Pass as `after` to go on behind this entry. Absent: the key itself. */
  readonly cursor?: string
  /** The entry is listed, yet can't be moved (a socket, a name that is no UTF-8): it fails with this. */
  readonly fault?: Fault
}

/** All that is known of an object once it was looked at. */
export type Facts = Entry & Description

/** Bytes in order; ends with a Fault where fewer or more arrive than were announced. Must be consumed or destroyed. */
export type Body = AsyncIterable<Uint8Array> & { destroy(error?: Error): unknown }

export type Opened = {
  /** Of this very version: taken from the answer that carries the bytes. `size` is that of the whole object. */
  readonly facts: Facts
  readonly body: Body
  /**
   * Instead of `body`, for stores that can do that cheaper: fills `target` with the bytes that come next, which must be
   * there. The call that reaches the end of the object, as `facts.size` has it, closes it.
   */
  readInto?(target: Buffer): Promise<void>
}

/** What must hold at the destination for a write to happen; checked by the store, atomically. */
export type Precondition = { readonly absent: true } | { readonly etag: string }

export type Receipt = {
  readonly etag?: string
  /** What the destination confirmed. */
  readonly checksum: Checksum
  /** `store` the store checked it while writing · `read-back` we read the object again and compared. */
  readonly confirmed: "store" | "read-back"
}

export type Capabilities = {
  /** Lists in strict ascending order of the keys' UTF-8 bytes. */
  readonly ordered: boolean
  /** Writes honour `Precondition` atomically. */
  readonly preconditions: boolean
  /** A stat tells the SHA-256 or MD5 of what is stored, or the store checks what it is sent. */
  readonly checksums: boolean
  /** `open` honours `range`; without it a large item starts again at its beginning. */
  readonly ranges: boolean
  readonly writable: boolean
}

export type Call = { readonly signal?: AbortSignal }

/** An upload in parts. It survives the process: `id` and the store are all that is needed to go on. */
export type Upload = { readonly key: string; readonly id: string; readonly partSize: number }
export type Part = {
  readonly number: number
  readonly size: number
  readonly etag?: string
  readonly checksum?: Checksum
}

/**
 * A place where images live. Every method throws `Fault` for what the other side did, with `scope: "store"` where
 * it concerns more than this object; aborting `signal` rejects with its reason and leaves nothing half-written
 * under a final name.
 */
export type Store = {
  readonly kind: "s3" | "urls" | "file"
  /** For people and logs: the URI without credentials. */
  readonly name: string
  readonly capabilities: Capabilities

  /**
   * One cheap request that shows that the store is there and may be used as asked; throws the clear Fault if not.
   * `write` must leave nothing behind.
   */
  probe(purpose: "read" | "write", call?: Call): Promise<void>

  /**
   * Everything behind `after`, page by page (up to about 1,000 entries each), lazily. Repeating or decreasing
   * keys of an ordered store are a Fault `listing.order`; an error is never taken for an empty listing.
   */
  list(options?: Call & { readonly after?: string }): AsyncIterable<readonly Entry[]>

  /** What is under the key now; `undefined` where nothing is. Never from a cache. */
  stat(entry: Pick<Entry, "key" | "address">, call?: Call): Promise<Facts | undefined>

  /** One version of an object's bytes, from `start` on. `etag`: only that version, else Fault `stale source.changed`. */
  open(
    entry: Pick<Entry, "key" | "address">,
    options?: Call & { readonly start?: number; readonly etag?: string },
  ): Promise<Opened>

  /**
   * Write a whole small object (at most `partSize` bytes) and have the store confirm `sha256` (raw digest of
   * `bytes`). A precondition that does not hold is Fault `conflict destination.changed`.
   */
  put(
    key: string,
    bytes: Buffer,
    options: Call & {
      readonly sha256: Buffer
      readonly description: Description
      readonly precondition?: Precondition
    },
  ): Promise<Receipt>

  /** Start an upload in parts for an object of `size` bytes (if known). Parts are numbered from 1 and, but for the last, `partSize` long. */
  begin(
    key: string,
    options: Call & { readonly description: Description; readonly size?: number },
  ): Promise<Upload>
  putPart(upload: Upload, number: number, bytes: Buffer, call?: Call): Promise<Part>
  /** The parts that the store holds, ascending; Fault `stale upload.missing` where the upload is gone. */
  parts(upload: Upload, call?: Call): Promise<readonly Part[]>
  /** Put the parts together under the final name, atomically, and have the whole confirmed. */
  complete(
    upload: Upload,
    parts: readonly Part[],
    options: Call & { readonly description: Description; readonly precondition?: Precondition },
  ): Promise<Receipt>
  /** Throw the upload away; nothing to do where it is gone. */
  abort(upload: Upload, call?: Call): Promise<void>
  /** Uploads under this store's prefix begun since `since` (ms) and not completed: what a cancel must sweep up. */
  uploads(since: number, call?: Call): Promise<readonly Upload[]>

  /**
   * Copy inside the store's own system without moving bytes through us. `undefined`: can't be done for this pair,
   * stream instead.
   */
  copyFrom?(
    source: Store,
    entry: Entry,
    key: string,
    options: Call & { readonly precondition?: Precondition },
  ): Promise<(Receipt & { readonly facts: Facts }) | undefined>

  /** How far the store's clock is ahead of ours, in ms, from its last answer (HTTP `Date`); absent or 0: the same clock. */
  skew?(): number

  /** Close connections. */
  close(): Promise<void>
}

/** Objects up to this many bytes are moved whole; larger ones in parts of at least this size. */
export const partSize = 8 * 1024 * 1024
