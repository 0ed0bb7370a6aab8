import { randomFillSync } from "node:crypto"
import { existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"

export type DataSet = { readonly name: string; readonly count: number; readonly bytes: number }
export const sets: readonly DataSet[] = [
  { name: "5,000 × 100 KB", count: 5_000, bytes: 100_000 },
  { name: "20,000 × 10 KB", count: 20_000, bytes: 10_000 },
  { name: "300 × 5 MB", count: 300, bytes: 5_000_000 },
]

/** Random bytes under camera names, 1,000 a folder, written an hour ago. Kept between runs. */
export function makeSet(folder: string, { count, bytes }: DataSet): void {
  if (existsSync(join(folder, ".complete"))) return
  const content = Buffer.alloc(bytes)
  for (let i = 0; i < count; i++) {
    const directory = join(folder, "library", `DCIM${String(Math.floor(i / 1000)).padStart(3, "0")}`)
    if (i % 1000 === 0) mkdirSync(directory, { recursive: true })
    randomFillSync(content, 0, Math.min(bytes, 4096))
    content.writeUInt32BE(i)
    const path = join(directory, `IMG_${String(i).padStart(5, "0")}.jpg`)
    writeFileSync(path, content)
    utimesSync(path, 1_790_000_000 + i, 1_790_000_000 + i)
  }
  writeFileSync(join(folder, ".complete"), "")
}
