import type { BigIntStats } from "node:fs"
import { exactMtime } from "../mtime.ts"
import type { Entry } from "../store.ts"

const numbers = new BigInt64Array(4)
const words = new Uint32Array(numbers.buffer)

/**
 * An ETag for a file: 64 bits mixed of inode, size, mtime and ctime. ctime is in it because a writer may set mtime back,
 * and because it moves with every write; so a chmod counts as a change too.
 */
export function etagOf(stats: BigIntStats): string {
  numbers[0] = stats.ino
  numbers[1] = stats.size
  numbers[2] = stats.mtimeNs
  numbers[3] = stats.ctimeNs
  let a = 0x9e3779b9
  let b = 0x85ebca6b
  for (const word of words) {
    a = Math.imul(a ^ word, 0x01000193) ^ (b >>> 15)
    b = Math.imul(b ^ word, 0xc2b2ae35) ^ (a >>> 13)
  }
  return (a >>> 0).toString(16).padStart(8, "0") + (b >>> 0).toString(16).padStart(8, "0")
}

export const milliseconds = (nanoseconds: bigint): number => Number(nanoseconds / 1000n) / 1000

export const entryOf = (key: string, stats: BigIntStats): Entry => ({
  key,
  size: Number(stats.size),
  etag: etagOf(stats),
  written: milliseconds(stats.ctimeNs),
  mtime: milliseconds(stats.mtimeNs),
})

export const mtimeOf = (stats: BigIntStats) => ({ mtimeExact: exactMtime(stats.mtimeNs) })
