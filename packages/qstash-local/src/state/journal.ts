import { type Deferred, deferred } from "./deferred.ts"
import { type Change, writeJournal } from "./journal-file.ts"

export type Journal = {
  /** False: nothing is kept, changes need not even be written out. */
  readonly durable: boolean
  /** Takes note of a change. It is on its way to the disk, not there yet. */
  append(change: Change): void
  /** Resolves when everything appended so far is on the disk. Many waiters share one fsync. */
  commit(): Promise<void>
  /** Changes in the file. */
  length(): number
  /** Replaces all history by these changes. They are read when all before is written, and must amount to what is then. */
  rewrite(present: Iterable<Change>): Promise<void>
  close(): Promise<void>
}

/** A journal for servers that forget: nothing is kept. */
export const forgetful: Journal = {
  durable: false,
  append: () => undefined,
  commit: () => Promise.resolve(),
  length: () => 0,
  rewrite: () => Promise.resolve(),
  close: () => Promise.resolve(),
}

/**
 * The journal in `folder`. Begins by rewriting it as `present`, for a torn line must not be continued.
 * After a write has failed nothing more is written, and every commit is refused with the reason.
 */
export async function openJournal(folder: string, present: Iterable<Change>): Promise<Journal> {
  let { file, lines } = await writeJournal(folder, present)
  let waiting: string[] = []
  let waiters: Deferred[] = []
  let broken: { reason: unknown } | undefined
  let last: Promise<void> = Promise.resolve()
  let planned = false

  /** One thing at a time: the file changes hands in a rewrite. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    last = last.then(work)
    return last
  }

  function flush() {
    if (planned) return
    planned = true
    void inTurn(drain)
  }

  async function drain() {
    planned = false
    const [changes, served] = [waiting, waiters]
    waiting = []
    waiters = []
    try {
      if (broken) throw broken.reason
      if (changes.length > 0) await file.appendFile(changes.join(""))
      if (served.length > 0) await file.datasync()
      for (const waiter of served) waiter.resolve()
    } catch (reason) {
      broken ??= { reason }
      for (const waiter of served) waiter.reject(reason)
    }
  }

  return {
    durable: true,
    append(change) {
      if (broken) return
      waiting.push(`${JSON.stringify(change)}\n`)
      lines += 1
      flush()
    },
    commit() {
      const waiter = deferred()
      waiters.push(waiter)
      flush()
      return waiter.promise
    },
    length: () => lines,
    rewrite: (now) =>
      inTurn(async () => {
        try {
          const fresh = await writeJournal(folder, now)
          await file.close()
          file = fresh.file
          lines = fresh.lines + waiting.length
        } catch (reason) {
          broken ??= { reason }
        }
      }),
    async close() {
      await inTurn(drain)
      await inTurn(() => file.close())
      broken = { reason: new Error("the journal is closed") }
    },
  }
}
