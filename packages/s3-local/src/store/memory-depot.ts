import { type Depot, references } from "./depot.ts"
import type { Blob } from "./records.ts"

/** Keeps bytes in memory: what is stored and nothing more. */
export function memoryDepot(): Depot {
  const kept = new Map<string, readonly Buffer[]>()
  let last = 0
  const { retain, release } = references(({ id }) => kept.delete(id))
  return {
    async write(source) {
      const whole = await gather(source)
      const blob: Blob = { id: String(++last), size: whole.reduce((sum, piece) => sum + piece.length, 0) }
      kept.set(blob.id, whole)
      retain([blob])
      return blob
    },
    read(blob, start, end) {
      const pieces = slices(kept.get(blob.id) ?? [], start, end)
      const [only, ...others] = pieces
      if (others.length === 0) return only ?? Buffer.alloc(0)
      return (async function* () {
        yield* pieces
      })()
    },
    retain,
    release,
  }
}

const maxPiece = 4 * 1024 ** 2

/** Copies into buffers of their own size: what the network hands over may be a view of something larger. */
async function gather(source: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const whole: Buffer[] = []
  let pending: Buffer[] = []
  let size = 0
  for await (const piece of source) {
    pending.push(piece)
    size += piece.length
    if (size < maxPiece) continue
    whole.push(exact(pending, size))
    pending = []
    size = 0
  }
  return size > 0 ? [...whole, exact(pending, size)] : whole
}

/** Of its own memory: a small Buffer is else a view of 8 KB that it would keep alive. */
function exact(pieces: readonly Buffer[], size: number): Buffer {
  const whole = Buffer.allocUnsafeSlow(size)
  let at = 0
  for (const piece of pieces) at += piece.copy(whole, at)
  return whole
}

function slices(pieces: readonly Buffer[], start: number, end: number): Buffer[] {
  let at = 0
  return pieces.flatMap((piece) => {
    const from = Math.max(0, start - at)
    const to = Math.min(piece.length, end - at)
    at += piece.length
    return from < to ? [piece.subarray(from, to)] : []
  })
}
