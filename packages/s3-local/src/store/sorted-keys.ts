/** Strings in ascending order, in blocks, so that adding to a million costs a move of a few hundred. */
export type SortedKeys = {
  add(key: string): void
  delete(key: string): void
  /** Walks from the first key that is ≥ `from`; may be moved on with `seek`. Not to be used across changes. */
  walk(from: string): Walker
}

export type Walker = {
  /** The key that the walker stands on. */
  current(): string | undefined
  next(): void
  /** Goes to the first key that is ≥ `from`. */
  seek(from: string): void
}

const maxBlock = 512

export function sortedKeys(): SortedKeys {
  const blocks: string[][] = []

  /** The last block that begins at or before `key`. */
  const blockOf = (key: string) =>
    Math.max(0, firstAt(blocks.length, (at) => (blocks[at]?.[0] ?? "") > key) - 1)
  const placeIn = (block: readonly string[], key: string) =>
    firstAt(block.length, (at) => (block[at] ?? "") >= key)

  return {
    add(key) {
      const at = blockOf(key)
      const block = blocks[at]
      if (!block) return void blocks.push([key])
      const place = placeIn(block, key)
      if (block[place] === key) return
      block.splice(place, 0, key)
      if (block.length > maxBlock) blocks.splice(at + 1, 0, block.splice(maxBlock / 2))
    },
    delete(key) {
      const at = blockOf(key)
      const block = blocks[at]
      const place = block ? placeIn(block, key) : 0
      if (block?.[place] !== key) return
      block.splice(place, 1)
      if (block.length === 0) blocks.splice(at, 1)
    },
    walk(from) {
      let at = 0
      let place = 0
      const settle = () => {
        if (place < (blocks[at]?.length ?? 0)) return
        at++
        place = 0
      }
      const seek = (target: string) => {
        at = blockOf(target)
        place = placeIn(blocks[at] ?? [], target)
        settle()
      }
      seek(from)
      return {
        current: () => blocks[at]?.[place],
        next: () => {
          place++
          settle()
        },
        seek,
      }
    },
  }
}

/** The first index below `length` for which `holds` is true, where it stays true from there on; else `length`. */
function firstAt(length: number, holds: (index: number) => boolean): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    const held = holds(middle)
    high = held ? middle : high
    low = held ? low : middle + 1
  }
  return low
}
