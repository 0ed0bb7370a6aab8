import { chunker } from "@imgmigrator/core/chunker"
import { chunkItems, type Plan } from "@imgmigrator/core/lane"
import type { Item } from "@imgmigrator/core/outcome"
import { type Chunk, failedChunks, putMoved, readChunk } from "../db/chunks.ts"
import type { Delivery } from "./delivery.ts"
import { store, wakeOthers, write } from "./plan.ts"
import { stopped } from "./stopped.ts"

/**
 * Lane 0, in a retry: move the failed items of the earlier passes to new chunks. Each old chunk notes which items
 * moved in this pass, and a step that is repeated after a crash finds the same ones again.
 */
export async function planRetry(delivery: Delivery, known: Plan): Promise<void> {
  const { session } = delivery
  let state = known
  let items: Item[] = []
  let moved = 0

  const step = async (change: Partial<Plan>) => {
    const chunks = chunked(items).map((chunk, i) => write(delivery, state.chunks + i, chunk))
    state = await store(delivery, state, chunks, { retried: state.retried + moved, ...change })
    await wakeOthers(delivery, 0)
    items = []
    moved = 0
  }
  for await (const n of failedChunks(session.id, known.retry_from ?? 0, known.retry_until ?? 0)) {
    session.signal.throwIfAborted()
    const chunk = await readChunk(session.id, n)
    const failed = chunk ? stillFailed(chunk, state.pass) : []
    if (chunk && failed.length > 0) await putMoved(session.id, n, state.pass, failed)
    items.push(...failed.flatMap((index) => again(chunk?.items[index])))
    moved += failed.length
    // Few failures in many chunks become few new chunks, not as many.
    if (items.length >= chunkItems || session.isOver()) await step({ retry_from: n + 1 })
    if (session.isOver()) throw stopped("time")
  }
  await step({ retry_from: undefined, retry_until: undefined, complete: true })
}

/** Failed, and not moved on by another pass; this pass's own note is not looked at, so that repeating it changes nothing. */
const stillFailed = ({ outcomes, moved }: Chunk, pass: number): readonly number[] =>
  [...outcomes]
    .filter(([index, { outcome }]) => outcome === "failed" && (moved.get(index) ?? pass) === pass)
    .map(([index]) => index)

/** Whatever the destination held when it was planned is long ago: look before writing. */
const again = (item: Item | undefined): readonly Item[] =>
  item ? [{ ...item, planned: { state: "unknown" } }] : []

function chunked(items: readonly Item[]): readonly (readonly Item[])[] {
  const chunks: (readonly Item[])[] = []
  const open = chunker()
  for (const item of items) {
    if (open.isFullFor(item)) chunks.push(open.take())
    open.add(item)
  }
  if (!open.isEmpty()) chunks.push(open.take())
  return chunks
}
