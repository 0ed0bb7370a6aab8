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
  return {
    async peek(): Promise<T | undefined> {
      while (index >= page.length) {
        const next = await iterator.next()
        if (next.done) return undefined
        page = next.value
        index = 0
      }
      return page[index]
    },
    /** What is already here, without waiting. */
    ready: (): T | undefined => page[index],
    take: () => {
      index += 1
    },
    close: async () => {
      await iterator.return?.()
    },
  }
}

/**
 * Each of the source's entries with the destination's entry of the same key, if there is one. Both listings must be in
 * key order; whoever lists is held to that by the store.
 */
export async function* mergeJoin<S extends Keyed, D extends Keyed>(
  source: AsyncIterable<readonly S[]>,
  destination: AsyncIterable<readonly D[]>,
): AsyncGenerator<{ readonly source: S; readonly destination: D | undefined }> {
  const left = reader(source)
  const right = reader(destination)
  try {
    while (true) {
      const entry = left.ready() ?? (await left.peek())
      if (entry === undefined) return
      left.take()
      let other = right.ready() ?? (await right.peek())
      while (other !== undefined && compareKeys(other.key, entry.key) < 0) {
        right.take()
        other = right.ready() ?? (await right.peek())
      }
      yield { source: entry, destination: other?.key === entry.key ? other : undefined }
    }
  } finally {
    await Promise.all([left.close(), right.close()])
  }
}
