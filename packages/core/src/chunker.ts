import { chunkBytes, chunkDecided, chunkItems, chunkRaw } from "./lane.ts"
import type { Item } from "./outcome.ts"

/** About how many bytes an item adds to a manifest before packing. */
export const rawSize = (item: Item): number =>
  40 + utf8Length(item.key) + utf8Length(item.address ?? "") + (item.etag?.length ?? 0) + decidedSize(item)

const decidedSize = ({ planned }: Item): number =>
  planned.state === "decided" ? utf8Length(planned.outcome.message ?? "") : 0

/** An upper bound that is exact for ASCII. */
const utf8Length = (text: string): number => {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return text.length * 3
  return text.length
}

/** Collects items until a chunk is full by any of its limits. */
export function chunker() {
  let items: Item[] = []
  let work = 0
  let bytes = 0
  let raw = 0
  return {
    /** Must the chunk be closed before this item goes in? */
    isFullFor: (item: Item): boolean => {
      if (items.length === 0) return false
      const decided = item.planned.state === "decided"
      if (raw + rawSize(item) > chunkRaw) return true
      if (decided) return items.length >= chunkDecided
      return work >= chunkItems || bytes + (item.size ?? 0) > chunkBytes || items.length >= chunkDecided
    },
    add: (item: Item) => {
      items.push(item)
      raw += rawSize(item)
      if (item.planned.state === "decided") return
      work += 1
      bytes += item.size ?? 0
    },
    isEmpty: () => items.length === 0,
    take: (): readonly Item[] => {
      const taken = items
      items = []
      work = 0
      bytes = 0
      raw = 0
      return taken
    },
  }
}
