import { randomUUID } from "node:crypto"
import {
  closeSync,
  createReadStream,
  mkdirSync,
  openSync,
  readSync,
  unlinkSync,
  writeFileSync,
} from "node:fs"
import { open } from "node:fs/promises"
import { join } from "node:path"
import { type Depot, references } from "./depot.ts"
import type { Blob } from "./records.ts"

/** Up to this size a body is held in memory and written, or read, at once: cheaper than streams. */
const smallBytes = 256 * 1024

/** Keeps each blob in a file of its own below `dir`, which is never written again. */
export function diskDepot(dir: string): Depot & { readonly holds: (id: string) => boolean } {
  for (let fan = 0; fan < 256; fan++)
    mkdirSync(join(dir, fan.toString(16).padStart(2, "0")), { recursive: true })
  const fileOf = ({ id }: Pick<Blob, "id">) => join(dir, id.slice(0, 2), id)
  const { retain, release, holds } = references((blob) => discard(fileOf(blob)))
  return {
    async write(source) {
      const id = randomUUID()
      const blob: Blob = { id, size: await save(fileOf({ id }), source) }
      retain([blob])
      return blob
    },
    read(blob, start, end) {
      const file = fileOf(blob)
      if (end - start <= smallBytes) return readPart(file, start, end)
      return createReadStream(file, { start, end: end - 1, highWaterMark: smallBytes })
    },
    retain,
    release,
    holds,
  }
}

/** Writes a stream to a new file and tells its size; leaves nothing where the stream fails. */
async function save(file: string, source: AsyncIterable<Buffer>): Promise<number> {
  const iterator = source[Symbol.asyncIterator]()
  const first: Buffer[] = []
  let size = 0
  for (;;) {
    const next = await iterator.next()
    if (next.done) {
      writeFileSync(file, Buffer.concat(first), { flag: "wx" })
      return size
    }
    first.push(next.value)
    size += next.value.length
    if (size > smallBytes) break
  }
  const handle = await open(file, "wx")
  try {
    await handle.writev(first)
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      await handle.write(next.value)
      size += next.value.length
    }
    return size
  } catch (error) {
    discard(file)
    throw error
  } finally {
    await handle.close()
  }
}

function readPart(file: string, start: number, end: number): Buffer {
  const bytes = Buffer.allocUnsafe(end - start)
  const handle = openSync(file, "r")
  try {
    const read = readSync(handle, bytes, 0, bytes.length, start)
    if (read < bytes.length) throw new Error(`${file} is shorter than it was.`)
    return bytes
  } finally {
    closeSync(handle)
  }
}

/** Something else may have tidied up before. */
function discard(file: string) {
  try {
    unlinkSync(file)
  } catch {}
}
