import { createHash } from "node:crypto"
import { type Algorithm, hasherOf } from "../checksums/algorithms.ts"
import type { Context } from "../context.ts"
import type { Blob } from "../store/records.ts"

/** The bytes of blobs put together, from `start` to before `end`. The caller holds references to them. */
export async function* contentOf(
  { depot }: Pick<Context, "depot">,
  blobs: readonly Blob[],
  start: number,
  end: number,
) {
  let at = 0
  for (const blob of blobs) {
    const from = Math.max(0, start - at)
    const to = Math.min(blob.size, end - at)
    at += blob.size
    if (from >= to) continue
    const piece = depot.read(blob, from, to)
    if (Buffer.isBuffer(piece)) yield piece
    if (!Buffer.isBuffer(piece)) yield* piece
  }
}

/** Passes bytes on and takes their MD5 and `algorithm`'s digest. */
export function hashing(source: AsyncIterable<Buffer>, algorithm: Algorithm) {
  const md5 = createHash("md5")
  const hasher = hasherOf(algorithm)
  let size = 0
  async function* chunks() {
    for await (const chunk of source) {
      md5.update(chunk)
      hasher.update(chunk)
      size += chunk.length
      yield chunk
    }
  }
  return {
    chunks: chunks(),
    /** After the end. */
    findings: () => ({ size, etag: md5.digest("hex"), digest: hasher.digest().toString("base64") }),
  }
}
