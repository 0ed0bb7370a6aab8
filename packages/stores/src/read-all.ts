import type { Body } from "./store.ts"

/** A whole body as one Buffer; copies nothing where it came in one piece. For bodies known to be small. */
export async function readAll(body: Body): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  const [first] = chunks
  if (first && chunks.length === 1) return Buffer.from(first.buffer, first.byteOffset, first.byteLength)
  return Buffer.concat(chunks)
}

/** The beginning of a body, about `limit` bytes at most: enough of an error to know what it says. */
export async function readSome(body: Body, limit = 64 * 1024): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    size += chunk.length
    if (size >= limit) break
  }
  return Buffer.concat(chunks)
}
