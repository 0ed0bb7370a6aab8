import { createHash } from "node:crypto"
import type { Entry, Store } from "@imgmigrator/stores"

/** Read an object through, and its digest; `undefined` where it is gone. Streams: memory does not grow with the size. */
export async function digestOf(
  store: Store,
  entry: Pick<Entry, "key" | "address">,
  algorithm: "sha256" | "md5",
  signal: AbortSignal,
): Promise<{ readonly digest: Buffer; readonly size: number }> {
  const { body } = await store.open(entry, { signal })
  const hash = createHash(algorithm)
  let size = 0
  for await (const bytes of body) {
    hash.update(bytes)
    size += bytes.length
  }
  return { digest: hash.digest(), size }
}
