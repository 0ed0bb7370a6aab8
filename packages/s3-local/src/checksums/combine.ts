import { bigEndian, type CrcAlgorithm, polynomials } from "./algorithms.ts"

export type CheckedPiece = { readonly digest: Buffer; readonly size: number }

/**
 * The CRC of pieces put together, from the CRC and the size of each: how S3 has the checksum of a whole object
 * whose parts it never sees together. Shifting by n bytes is multiplying by x^(8n) modulo the polynomial.
 */
export function combineCrcs(algorithm: CrcAlgorithm, pieces: readonly CheckedPiece[]): Buffer {
  const { bits, polynomial } = polynomials[algorithm]
  const combined = pieces.reduce(
    (before, piece) =>
      multiply(powerOfX(8 * piece.size, bits, polynomial), before, bits, polynomial) ^
      toInteger(piece.digest),
    0n,
  )
  return bigEndian(combined, bits)
}

const toInteger = (digest: Buffer) => BigInt(`0x${digest.toString("hex")}`)

/** Product of two polynomials over GF(2) modulo `polynomial`, bits reflected: the highest bit is x^0. */
function multiply(a: bigint, b: bigint, bits: number, polynomial: bigint): bigint {
  let product = 0n
  for (let mask = 1n << BigInt(bits - 1); mask; mask >>= 1n) {
    if (a & mask) product ^= b
    b = b & 1n ? (b >> 1n) ^ polynomial : b >> 1n
  }
  return product
}

function powerOfX(exponent: number, bits: number, polynomial: bigint): bigint {
  let result = 1n << BigInt(bits - 1)
  let square = result >> 1n
  for (let left = BigInt(exponent); left; left >>= 1n) {
    if (left & 1n) result = multiply(result, square, bits, polynomial)
    square = multiply(square, square, bits, polynomial)
  }
  return result
}
