import { advance, multiply } from "./crc64-kernel.ts"

const ones = 0xffff_ffff_ffff_ffffn

/** CRC-64/NVME of some bytes, piece by piece; as S3 writes it (base64 of 8 bytes, big endian). */
export function crc64() {
  let register = ones
  return {
    update(bytes: Uint8Array) {
      register = advance(register, bytes)
      return this
    },
    digest: () => encode(register ^ ones),
  }
}

export const crc64Of = (bytes: Uint8Array): string => encode(advance(ones, bytes) ^ ones)

export type Piece = { readonly crc: string; readonly size: number }

/** The CRC of pieces one behind the other, from the CRC and the length of each: no state is to be kept between them. */
export function combine(pieces: Iterable<Piece>): string {
  let whole = 0n
  for (const { crc, size } of pieces) whole = multiply(zeros(size), whole) ^ decode(crc)
  return encode(whole)
}

const known = new Map<number, bigint>()

/** What appending `size` zero bytes multiplies a CRC with: x^(8·size). Parts are of one size, so it is kept. */
function zeros(size: number): bigint {
  const seen = known.get(size)
  if (seen !== undefined) return seen
  let power = 1n << 63n
  let square = 1n << 55n
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = multiply(power, square)
    square = multiply(square, square)
  }
  if (known.size > 100) known.clear()
  known.set(size, power)
  return power
}

function encode(crc: bigint): string {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(crc)
  return bytes.toString("base64")
}

const decode = (crc: string): bigint => Buffer.from(crc, "base64").readBigUInt64BE()
