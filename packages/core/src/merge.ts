/** The order in which stores list: by the keys' UTF-8 bytes. JavaScript's own `<` compares UTF-16 units and differs. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    // Surrogates encode code points above all of the BMP, yet their units are below 0xE000–0xFFFF: lift them.
    const lift = (unit: number) => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit)
    return lift(x) - lift(y)
  }
  return a.length - b.length
}

type Keyed = { readonly key: string }

/** Reads pages one item at a time, and lets a caller look at the next without taking it. */
function reader<T>(pages: AsyncIterable<readonly T[]>) {
  const iterator = pages[Symbol.asyncIterator]()
  let page: readonly T[] = []
  let index = 0
  let over = false
  return {
    /** The next one, if it is here already. */
    ready: (): T | undefined => page[index],
    isOver: () => over,
    /** Wait for the next one, or for the end. */
    read: async () => {
      while (index >= page.length && !over) {
        const next = await iterator.next()
        over = next.done === true
        page = next.done ? [] : next.value
        index = 0
      }
    },
    take: () => {
      index += 1
    },
    close: async () => {
      await iterator.return?.()
    },
  }
}

/**
 * Each of the source's entries with the destination's entry of the same key, if there is one; in the source's pages. Both
 * listings must be in key order; whoever lists is held to that by the store.
 */
export async function* mergeJoin<S extends Keyed, D extends Keyed>(
  source: AsyncIterable<readonly S[]>,
  destination: AsyncIterable<readonly D[]>,
): AsyncGenerator<readonly { readonly source: S; readonly destination: D | undefined }[]> {
  const right = reader(destination)
  /** The first of the destination's that is not before this key. Waits only where a page ends: most keys need no tick. */
  const at = (key: string): D | undefined | Promise<D | undefined> => {
    for (;;) {
      const other = right.ready()
      if (other === undefined) return right.isOver() ? undefined : right.read().then(() => at(key))
      if (compareKeys(other.key, key) >= 0) return other
      right.take()
    }
  }
  try {
    for await (const page of source) {
      const joined: { source: S; destination: D | undefined }[] = []
      for (const entry of page) {
        const found = at(entry.key)
        const other = found instanceof Promise ? await found : found
        joined.push({ source: entry, destination: other?.key === entry.key ? other : undefined })
      }
      yield joined
    }
  } finally {
    await right.close()
  }
}
