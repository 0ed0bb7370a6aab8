/**
 * One page of a sorted list: `count` items from the first that comes after the cursor, and the cursor of the next
 * page if there is one. The item that a cursor names may be gone meanwhile.
 */
export function page<Item>(
  items: Iterable<Item>,
  count: number,
  comesAfter: (item: Item) => boolean,
  idOf: (item: Item) => string,
): { items: Item[]; cursor: string | undefined } {
  const taken: Item[] = []
  for (const item of items) {
    if (!comesAfter(item)) continue
    const last = taken.at(-1)
    if (taken.length === count && last !== undefined) return { items: taken, cursor: idOf(last) }
    taken.push(item)
  }
  return { items: taken, cursor: undefined }
}
