import { promisify } from "node:util"
import { brotliCompress, brotliDecompressSync, constants } from "node:zlib"
import type * as z from "zod"

/**
 * Blobs: text columns as JSON under brotli, digests raw behind them, since they do not compress. Layout: length of the
 * text part (uint32, big endian), text, raw bytes. Quality 5: 11 packs a few percent better and costs many times the CPU.
 */
const compress = promisify(brotliCompress)

/** A window no wider than the text: the usual one is memory of several megabytes to be cleared for each blob. */
const optionsFor = (size: number) => ({
  params: {
    [constants.BROTLI_PARAM_QUALITY]: 5,
    [constants.BROTLI_PARAM_SIZE_HINT]: size,
    [constants.BROTLI_PARAM_LGWIN]: Math.min(22, Math.max(10, Math.ceil(Math.log2(size + 16)))),
  },
})

export async function seal(columns: unknown, raw: readonly Buffer[]): Promise<Buffer> {
  const json = Buffer.from(JSON.stringify(columns))
  const text = await compress(json, optionsFor(json.length))
  const head = Buffer.alloc(4)
  head.writeUInt32BE(text.length)
  return Buffer.concat([head, text, ...raw])
}

/** Reads the next `length` raw bytes of a blob. */
export type Raw = (length: number) => Buffer

export function unseal<Schema extends z.ZodType>(
  schema: Schema,
  blob: Uint8Array,
): { readonly columns: z.output<Schema>; readonly raw: Raw } {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength)
  const end = 4 + bytes.readUInt32BE()
  const columns = schema.parse(JSON.parse(brotliDecompressSync(bytes.subarray(4, end)).toString()))
  let at = end
  const raw = (length: number): Buffer => {
    const part = bytes.subarray(at, at + length)
    if (part.length < length) throw new Error("A blob ends too early.")
    at += length
    return part
  }
  return { columns, raw }
}

/** A column of an optional value: left out where no item has one, `null` where this one has none. */
export function sparse<T, Cell>(
  items: readonly T[],
  cell: (item: T) => Cell | undefined,
): (Cell | null)[] | undefined {
  const cells = items.map((item) => cell(item) ?? null)
  return cells.some((each) => each !== null) ? cells : undefined
}

const md5 = /^[0-9a-f]{32}$/

/** An ETag that is an MD5 becomes 0 here and 16 raw bytes behind; any other stays text. */
export function packEtag(etag: string | undefined, raw: Buffer[]): string | 0 | undefined {
  if (etag === undefined || !md5.test(etag)) return etag
  raw.push(Buffer.from(etag, "hex"))
  return 0
}

export const unpackEtag = (cell: string | 0 | null | undefined, raw: Raw): string | undefined =>
  cell === 0 ? raw(16).toString("hex") : (cell ?? undefined)
