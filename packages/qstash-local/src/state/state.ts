import { mkdir } from "node:fs/promises"
import type { FlowState } from "../engine/flow.ts"
import type { Answer, DeadLetter, Message } from "../engine/message.ts"
import type { Queue } from "../engine/queues.ts"
import { forgetful, type Journal, openJournal, readJournal } from "./journal.ts"
import { lockFolder } from "./lock.ts"
import { type Codec, createTable, type StoredTable, type Table } from "./table.ts"

/** What has been promised under a deduplication key, until `until` (ms). */
export type Promised = {
  readonly until: number
  readonly answers: readonly { messageId: string; url?: string }[]
}

export type Keys = { readonly current: string; readonly next: string }

/** How far a message has come. */
type Progress = { readonly retried: number; readonly notBefore: number }

export type State = {
  readonly messages: Table<Message>
  readonly progress: Table<Progress>
  readonly letters: Table<DeadLetter>
  readonly queues: Table<Queue>
  readonly flows: Table<FlowState>
  readonly promised: Table<Promised>
  readonly keys: Table<Keys>
  /** Resolves when all changes so far are durable (at once if nothing is kept). */
  commit(): Promise<void>
  close(): Promise<void>
}

/** Rows in the journal for each living row before it is rewritten. */
const rewriteRatio = 4
const rewriteLines = 200_000

/** Opens the state in `folder`, which one server may use at a time; without a folder everything is forgotten. */
export async function openState(folder: string | undefined): Promise<State> {
  let journal: Journal = forgetful
  const table = <V>(name: string, codec: Codec<V>) => createTable(name, () => journal, codec)
  const tables = {
    messages: table("message", messageCodec),
    progress: table("progress", plain<Progress>()),
    letters: table("letter", letterCodec),
    queues: table("queue", plain<Queue>()),
    flows: table("flow", plain<FlowState>()),
    promised: table("promised", plain<Promised>()),
    keys: table("keys", plain<Keys>()),
  }
  if (folder === undefined) return { ...tables, commit: journal.commit, close: journal.close }

  const all: Readonly<Record<string, StoredTable<unknown>>> = Object.fromEntries(
    Object.values(tables).map((each) => [each.name, each]),
  )
  function* changes() {
    for (const each of Object.values(all)) yield* each.changes()
  }
  await mkdir(folder, { recursive: true })
  const unlock = await lockFolder(folder)
  for await (const [name, key, value] of readJournal(folder)) all[name]?.restore(key, value)
  for (const key of tables.progress.keys()) {
    const message = tables.messages.get(key)
    if (message) Object.assign(message, tables.progress.get(key))
  }
  journal = await openJournal(folder, changes())
  let rewriting = false

  return {
    ...tables,
    async commit() {
      const living = Object.values(all).reduce((sum, each) => sum + each.size, 0)
      if (!rewriting && journal.length() > Math.max(rewriteLines, living * rewriteRatio)) {
        rewriting = true
        void journal.rewrite(changes()).finally(() => {
          rewriting = false
        })
      }
      await journal.commit()
    },
    async close() {
      await journal.close()
      await unlock()
    },
  }
}

/** For values that are JSON as they stand. What our own journal holds was written by us. */
const plain = <V>(): Codec<V> => ({ encode: (value) => value, decode: (stored) => stored as V })

type StoredBody<V> = Omit<V, "body"> & { body: string }

const withBody = <V extends { body: Buffer }>(value: V): StoredBody<V> => ({
  ...value,
  body: value.body.toString("base64"),
})

function restoreBody<V extends { body: Buffer }>(stored: StoredBody<V>): V {
  // The spread of a generic is not known to give V back.
  return { ...stored, body: Buffer.from(stored.body, "base64") } as unknown as V
}

const messageCodec: Codec<Message> = {
  encode: withBody,
  decode: (stored) => restoreBody<Message>(stored as StoredBody<Message>),
}

const letterCodec: Codec<DeadLetter> = {
  encode: (letter) => ({ ...letter, message: withBody(letter.message), answer: withBody(letter.answer) }),
  decode(stored) {
    const letter = stored as Omit<DeadLetter, "message" | "answer"> & {
      message: StoredBody<Message>
      answer: StoredBody<Answer>
    }
    return { ...letter, message: restoreBody(letter.message), answer: restoreBody(letter.answer) }
  },
}
