import { randomFillSync } from "node:crypto"
import { mkdirSync, utimesSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

export type DataSet = { readonly name: string; readonly count: number; readonly bytes: number }
export const sets: readonly DataSet[] = [
  { name: "5,000 × 100 KB", count: 5_000, bytes: 100_000 },
  { name: "20,000 × 10 KB", count: 20_000, bytes: 10_000 },
  { name: "300 × 5 MB", count: 300, bytes: 5_000_000 },
]

/** The key of a set's i-th image. */
export const keyOf = (i: number): string =>
  `DCIM${String(Math.floor(i / 1000)).padStart(3, "0")}/IMG_${String(i).padStart(5, "0")}.jpg`

/** Random bytes under camera names, 1,000 a folder, written some time ago. Returns the folder with the images. */
export function makeSet(folder: string, { count, bytes }: DataSet): string {
  const content = Buffer.alloc(bytes)
  for (let i = 0; i < count; i++) {
    const path = join(folder, "library", keyOf(i))
    if (i % 1000 === 0) mkdirSync(dirname(path), { recursive: true })
    randomFillSync(content, 0, Math.min(bytes, 4096))
    content.writeUInt32BE(i)
    writeFileSync(path, content)
    utimesSync(path, 1_790_000_000 + i, 1_790_000_000 + i)
  }
  return join(folder, "library")
}
