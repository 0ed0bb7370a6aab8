import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openStore, partSize } from "@imgmigrator/stores"
import { afterAll, expect, test } from "vitest"
import { type Reader, readerOf, readingOn } from "../../packages/functions/src/jobs/reader.ts"

const folder = mkdtempSync(join(tmpdir(), "reader-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const bytes = randomBytes(3 * 1024 * 1024 + 7)
writeFileSync(join(folder, "raw.dng"), bytes)

async function all(read: Reader, size: number) {
  const pieces: Buffer[] = []
  for (;;) {
    const piece = Buffer.from(await read(size))
    pieces.push(piece)
    if (piece.length < size) return pieces
  }
}

const open = async (start: number, how: "in place" | "by chunks") => {
  const store = await openStore(
    { type: "file", path: folder },
    { allowFile: true, allowLoopback: false, credentials: async () => undefined },
  )
  const opened = await store.open({ key: "raw.dng" }, { start })
  if (how === "in place") return readerOf(opened, start)
  const { facts, body } = opened
  return readerOf({ facts, body }, start)
}

const sizes = [1_000_003, bytes.length, bytes.length + 1, partSize]
test.for(
  (["in place", "by chunks"] as const).flatMap((how) =>
    sizes.flatMap((size) => [0, 5, bytes.length].map((start) => [how, size, start] as const)),
  ),
)("a body read %s in pieces of %d from byte %d is all there, in full pieces", async ([how, size, start]) => {
  const pieces = await all(await open(start, how), size)
  expect(Buffer.concat(pieces).equals(bytes.subarray(start))).toBe(true)
  expect(pieces.slice(0, -1).every((piece) => piece.length === size)).toBe(true)
})

test.for([65_537, 1_000_000, 1_000_001, 2_500_000, bytes.length])(
  "what was read already may be shorter or longer than a piece: %d",
  async (size) => {
    const read = await open(0, "in place")
    const pieces = await all(readingOn(await read(1_000_000), read), size)
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true)
    expect(pieces.slice(0, -1).every((piece) => piece.length === size)).toBe(true)
  },
)
