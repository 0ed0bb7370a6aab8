import type { Journal } from "./journal.ts"
import type { Change } from "./journal-file.ts"

/** A map whose changes are noted in the journal. */
export type Table<V> = {
  get(key: string): V | undefined
  has(key: string): boolean
  put(key: string, value: V): void
  drop(key: string): boolean
  values(): Iterable<V>
  keys(): Iterable<string>
  readonly size: number
}

/** How a value looks in the journal. */
export type Codec<V> = { encode(value: V): unknown; decode(stored: unknown): V }

export type StoredTable<V> = Table<V> & {
  /** Takes in one change read from the journal. */
  restore(key: string, stored: unknown): void
  changes(): Iterable<Change>
}

export function createTable<V>(name: string, journal: () => Journal, codec: Codec<V>): StoredTable<V> {
  const rows = new Map<string, V>()
  return {
    get: (key) => rows.get(key),
    has: (key) => rows.has(key),
    put(key, value) {
      rows.set(key, value)
      if (journal().durable) journal().append([name, key, codec.encode(value)])
    },
    drop(key) {
      const was = rows.delete(key)
      if (was && journal().durable) journal().append([name, key])
      return was
    },
    values: () => rows.values(),
    keys: () => rows.keys(),
    get size() {
      return rows.size
    },
    restore(key, stored) {
      if (stored === undefined) rows.delete(key)
      else rows.set(key, codec.decode(stored))
    },
    *changes() {
      for (const [key, value] of rows) yield [name, key, codec.encode(value)]
    },
  }
}
