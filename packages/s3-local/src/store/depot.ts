import type { Blob } from "./records.ts"

/** Where bytes are kept, by reference count: objects, parts and running downloads each hold a blob. */
export type Depot = {
  /** Keeps what `source` yields; the caller holds the one reference. Keeps nothing where `source` throws. */
  write(source: AsyncIterable<Buffer>): Promise<Blob>
  /** The bytes from `start` to before `end`; the caller must hold a reference until it has read them. */
  read(blob: Blob, start: number, end: number): Buffer | AsyncIterable<Buffer>
  retain(blobs: readonly Blob[]): void
  release(blobs: readonly Blob[]): void
}

/** Counts references; `free` is called when the last one goes. */
export function references(free: (blob: Blob) => void) {
  const counts = new Map<string, number>()
  return {
    retain(blobs: readonly Blob[]) {
      for (const { id } of blobs) counts.set(id, (counts.get(id) ?? 0) + 1)
    },
    release(blobs: readonly Blob[]) {
      for (const blob of blobs) {
        const left = (counts.get(blob.id) ?? 1) - 1
        if (left > 0) counts.set(blob.id, left)
        if (left > 0) continue
        counts.delete(blob.id)
        free(blob)
      }
    },
    holds: (id: string) => counts.has(id),
  }
}
