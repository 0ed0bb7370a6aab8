import { createHash } from "node:crypto"
import { crc32 } from "node:zlib"
import { crcOf } from "./crc-wasm.ts"

export const algorithms = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as const
export type Algorithm = (typeof algorithms)[number]
export type ChecksumType = "FULL_OBJECT" | "COMPOSITE"

/** `value` as S3 writes it: base64 of the digest, big-endian; a composite one ends with `-` and the number of parts. */
export type Checksum = { readonly algorithm: Algorithm; readonly type: ChecksumType; readonly value: string }

export type Hasher = { update(bytes: Uint8Array): void; digest(): Buffer }

export const polynomials = {
  CRC32: { bits: 32, polynomial: 0xedb88320n },
  CRC32C: { bits: 32, polynomial: 0x82f63b78n },
  CRC64NVME: { bits: 64, polynomial: 0x9a6c9329ac4bc9b5n },
} as const

export type CrcAlgorithm = keyof typeof polynomials
export const isCrc = (algorithm: Algorithm): algorithm is CrcAlgorithm => algorithm in polynomials

/** Bytes of a digest. */
export const digestBytes: Readonly<Record<Algorithm, number>> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
}

export const isAlgorithm = (name: string): name is Algorithm => Object.hasOwn(digestBytes, name)

/** The header that carries it, in lower case: `x-amz-checksum-crc32`. */
export const checksumHeader = (algorithm: Algorithm) => `x-amz-checksum-${algorithm.toLowerCase()}`

const updateCrc32c = crcOf(polynomials.CRC32C.polynomial)
const updateCrc64 = crcOf(polynomials.CRC64NVME.polynomial)

/** A fresh hasher. */
export function hasherOf(algorithm: Algorithm | "MD5"): Hasher {
  if (algorithm === "CRC32") return zlibCrc32()
  if (algorithm === "CRC32C") return crcHasher(updateCrc32c, 32)
  if (algorithm === "CRC64NVME") return crcHasher(updateCrc64, 64)
  const hash = createHash(algorithm.toLowerCase())
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() }
}

function zlibCrc32(): Hasher {
  let value = 0
  return {
    update: (bytes) => {
      value = crc32(bytes, value)
    },
    digest: () => bigEndian(BigInt(value), 32),
  }
}

function crcHasher(update: (bytes: Uint8Array, register: bigint) => bigint, bits: number): Hasher {
  const ones = (1n << BigInt(bits)) - 1n
  let register = ones
  return {
    update: (bytes) => {
      register = update(bytes, register)
    },
    digest: () => bigEndian(register ^ ones, bits),
  }
}

export function bigEndian(value: bigint, bits: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes.subarray(8 - bits / 8)
}
