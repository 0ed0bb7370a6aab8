import { Fault, ofStore } from "@imgmigrator/core/fault"
import { runLength } from "@imgmigrator/core/lane"
import type { ItemOutcome } from "@imgmigrator/core/outcome"
import { isActive } from "@imgmigrator/core/status"
import { type Chunk, readChunk } from "../db/chunks.ts"
import { readLane } from "../db/lanes.ts"
import { mustGetMigration } from "../db/migrations.ts"
import { attempt } from "./attempt.ts"
import { type Book, bookkeeper, openBook } from "./book.ts"
import type { Delivery } from "./delivery.ts"
import type { Task } from "./item.ts"
import { failPoison, isPoison, isSuspicious, name } from "./poison.ts"
import { stopped } from "./stopped.ts"
import { wellness } from "./wellness.ts"

/** Chunks of a run that are open at once: the second keeps the workers busy while the first one's last items end. */
const openChunks = 2

/** Take runs of chunks and move their items until none is left or the time is up. */
export async function copy(delivery: Delivery): Promise<void> {
  const { at, to } = delivery.session.lane()
  if (at < to) await copyRun(delivery, delivery.crashed)
  while (await takeRun(delivery)) await copyRun(delivery, false)
}

/** The next run, from the chunks that no lane has. `false`: there is none, for now. */
async function takeRun({ session, world }: Delivery): Promise<boolean> {
  for (;;) {
    session.signal.throwIfAborted()
    if (session.isOver()) throw stopped("time")
    const row = await mustGetMigration(session.userId, session.id)
    if (!isActive(row.status)) throw stopped("status")
    const plan = session.lane().plan ?? (await readLane(session.id, 0))?.plan
    const unhanded = (plan?.chunks ?? 0) - row.next
    if (unhanded <= 0) return false
    await session.take(row.next, row.next + runLength(unhanded, row.options.lanes))
    const { at, to } = session.lane()
    if (at < to) return true
    await world.clock.sleep(20 + 80 * world.random(), session.signal)
  }
}

/**
 * Move the chunks of the run in hand, `concurrency` items side by side, on into the next chunk while the last items of
 * one are on their way. `crashed`: items of the first chunks may have arrived unbooked.
 */
async function copyRun(delivery: Delivery, crashed: boolean): Promise<void> {
  const { session, row } = delivery
  const { at } = session.lane()
  const oneByOne = isSuspicious(session.lane())
  const books: Book[] = []
  const save = bookkeeper(delivery, books)
  const ask = wellness(delivery)
  const queue = openRun(delivery, books, save)
  const stopBeat = session.onHeartbeat(() => save(true))
  const left: Fault[] = []

  const move = async (task: Task): Promise<ItemOutcome | Fault | undefined> => {
    if (oneByOne) await name(delivery, task)
    return attempt(delivery, task, crashed && task.n < at + openChunks, ask)
  }
  const runner = async () => {
    while (!session.isOver()) {
      const next = await queue.next()
      if (next.done) return
      const { task, book } = next.value
      const outcome = await move(task)
      if (outcome instanceof Fault) left.push(outcome)
      else if (outcome) book.add(task.index, outcome)
      if (book.isComplete()) await save(false)
      queue.moved()
    }
  }
  const guarded = () => runner().catch(session.fail)
  await Promise.all(Array.from({ length: oneByOne ? 1 : row.options.concurrency }, guarded))
  stopBeat()
  // What did arrive is booked before the delivery ends, whatever ended it, as long as the lane is ours.
  await save(true)
  const [wish] = left.toSorted((a, b) => (b.retryAfterMs ?? 0) - (a.retryAfterMs ?? 0))
  if (wish) await session.save({ waits: (session.lane().waits ?? 0) + 1 })
  session.signal.throwIfAborted()
  if (wish) throw ofStore(wish)
  if (session.lane().at < session.lane().to) throw stopped("time")
}

type Next = { readonly task: Task; readonly book: Book }

/** The items of a run in order; the next chunk is read ahead, and not opened before there is room for it. */
function openRun(delivery: Delivery, books: Book[], save: (checkpoint: boolean) => Promise<void>) {
  const { session } = delivery
  const { at, to } = session.lane()
  let proceed = () => {}
  let moving = 0
  const room = () =>
    new Promise<void>((resolve) => {
      proceed = resolve
      session.signal.addEventListener("abort", () => resolve(), { once: true })
    })

  async function* run(): AsyncGenerator<Next> {
    let ahead = read(session.id, at)
    for (let n = at; n < to; n++) {
      while (books.length >= openChunks && moving > 0 && !session.isOver()) await room()
      // Nobody is at work and still there is no room: items of both chunks were left for later.
      if (books.length >= openChunks) return
      const chunk = await ahead
      if (session.isOver()) return
      if (n + 1 < to) ahead = read(session.id, n + 1)
      const book = openBook(chunk, delivery)
      books.push(book)
      failPoison(delivery, book)
      if (book.isComplete()) await save(false)
      for (const task of book.todo) {
        if (isPoison(delivery, task)) continue
        moving += 1
        yield { task, book }
      }
    }
  }
  const tasks = run()
  return {
    next: () => tasks.next(),
    /** One of its items is done with, and its chunk booked if that was the last: there may be room. */
    moved: () => {
      moving -= 1
      proceed()
    },
  }
}

function read(id: string, n: number): Promise<Chunk> {
  const chunk = readChunk(id, n).then((found) => {
    if (found) return found
    throw new Error(`The chunk ${n} of migration ${id} was handed out and is not stored.`)
  })
  // It is read ahead: a failure is for whoever comes to it.
  chunk.catch(() => {})
  return chunk
}
