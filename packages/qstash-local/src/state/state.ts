import { mkdir } from "node:fs/promises"
import type { FlowState } from "../engine/flow.ts"
import type { DeadLetter, Message } from "../engine/message.ts"
import type { Queue } from "../engine/queues.ts"
import type { Group } from "../engine/routes.ts"
import type { Schedule } from "../engine/schedules.ts"
import { letterCodec, messageCodec, plain, scheduleCodec } from "./codecs.ts"
import { forgetful, type Journal, openJournal } from "./journal.ts"
import { readJournal } from "./journal-file.ts"
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

/** A cancel by filter that has been done. */
export type BulkAction = {
  readonly actionId: string
  readonly total: number
  readonly createdAt: number
  readonly filter: Readonly<Record<string, readonly string[]>>
}

export type State = {
  readonly messages: Table<Message>
  readonly progress: Table<Progress>
  readonly letters: Table<DeadLetter>
  readonly queues: Table<Queue>
  readonly groups: Table<Group>
  readonly schedules: Table<Schedule>
  readonly flows: Table<FlowState>
  readonly promised: Table<Promised>
  readonly actions: Table<BulkAction>
  readonly keys: Table<Keys>
  /** Resolves when all changes so far are durable (at once if nothing is kept). */
  commit(): Promise<void>
  close(): Promise<void>
}

/** The journal is rewritten when it has this many lines, and so many times as many as there are rows. */
const rewriteLines = 200_000
const rewriteRatio = 4

/** Opens the state in `folder`, which one server may use at a time; without a folder everything is forgotten. */
export async function openState(folder: string | undefined): Promise<State> {
  let journal: Journal = forgetful
  const all = new Map<string, { size: number } & Pick<StoredTable<unknown>, "restore" | "changes">>()
  function table<V>(name: string, codec: Codec<V>): Table<V> {
    const made = createTable(name, () => journal, codec)
    all.set(name, made)
    return made
  }
  const tables = {
    messages: table("message", messageCodec),
    progress: table("progress", plain<Progress>()),
    letters: table("letter", letterCodec),
    queues: table("queue", plain<Queue>()),
    groups: table("group", plain<Group>()),
    schedules: table("schedule", scheduleCodec),
    flows: table("flow", plain<FlowState>()),
    promised: table("promised", plain<Promised>()),
    actions: table("action", plain<BulkAction>()),
    keys: table("keys", plain<Keys>()),
  }
  if (folder === undefined) return { ...tables, commit: journal.commit, close: journal.close }

  function* changes() {
    for (const each of all.values()) yield* each.changes()
  }
  await mkdir(folder, { recursive: true })
  const unlock = await lockFolder(folder)
  try {
    for await (const [name, key, value] of readJournal(folder)) all.get(name)?.restore(key, value)
    for (const key of tables.progress.keys())
      Object.assign(tables.messages.get(key) ?? {}, tables.progress.get(key))
    journal = await openJournal(folder, changes())
  } catch (error) {
    await unlock()
    throw error
  }
  let rewriting = false

  function rewriteIfLong() {
    const living = [...all.values()].reduce((sum, { size }) => sum + size, 0)
    if (rewriting || journal.length() < Math.max(rewriteLines, living * rewriteRatio)) return
    rewriting = true
    void journal.rewrite(changes()).finally(() => {
      rewriting = false
    })
  }

  return {
    ...tables,
    commit() {
      rewriteIfLong()
      return journal.commit()
    },
    async close() {
      await journal.close()
      await unlock()
    },
  }
}
