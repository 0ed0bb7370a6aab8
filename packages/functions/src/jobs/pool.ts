/**
 * Run `work` over all of `items`, at most `width` at once; answers in the items' order. The first failure rejects. What is
 * known at once is not waited for: over a million items that is most of the time.
 */
export async function inPool<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T) => R | Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length)
  let next = 0
  const runner = async () => {
    for (let i = next++; i < items.length; i = next++) {
      const item = items[i]
      if (item === undefined) continue
      const result = work(item)
      results[i] = result instanceof Promise ? await result : result
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, runner))
  return results
}
