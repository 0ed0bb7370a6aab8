import { createHash } from "node:crypto"
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { complete, exifOf } from "../support/image-facts.ts"
import { copyLibrary, type LibraryFile, libraryFiles, libraryPath, mtimeNs } from "../support/library.ts"

const read = ({ path }: LibraryFile) => readFile(join(libraryPath, path))
const paths = libraryFiles.map(({ path }) => path)
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** Every file below a folder, relative to it, in the order of its UTF-8 bytes. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => !entry.isDirectory())
  return files.map((entry) => relative(folder, join(entry.parentPath, entry.name))).sort(byBytes)
}

let scratch = ""
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "imgmigrator-library-"))
})
afterAll(() => rm(scratch, { recursive: true }))

test("the library holds exactly the files that are listed, in the order in which S3 would list them", async () => {
  expect(await filesIn(libraryPath)).toEqual(paths)
})

test("every file has the size and the SHA-256 that are listed", async () => {
  for (const file of libraryFiles) {
    const content = await read(file)
    const found = { bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") }
    expect(found, file.path).toEqual({ bytes: file.bytes, sha256: file.sha256 })
  }
})

test("the library is small: 20 to 40 files, under 3 MB", () => {
  expect(libraryFiles.length).toBeGreaterThanOrEqual(20)
  expect(libraryFiles.length).toBeLessThanOrEqual(40)
  expect(libraryFiles.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(3_000_000)
})

test("every file is a complete image of its content type, but for the three with a flaw", async () => {
  for (const file of libraryFiles)
    expect(complete(file.contentType, await read(file)), file.path).toBe(file.flaw === undefined)
  const flaws = libraryFiles.flatMap(({ flaw }) => flaw ?? []).sort()
  expect(flaws).toEqual(["empty", "not-an-image", "truncated"])
})

test("each flaw is what it says", async () => {
  const flawed = (flaw: LibraryFile["flaw"]) => libraryFiles.filter((file) => file.flaw === flaw)
  for (const file of flawed("empty")) expect(file.bytes).toBe(0)
  for (const file of flawed("truncated"))
    expect((await read(file)).toString("hex")).toMatch(/^ffd8ff.*(?<!ffd9)$/)
  for (const file of flawed("not-an-image")) expect((await read(file)).toString()).toMatch(/^<!DOCTYPE html>/)
})

test("JPEG, PNG, GIF, WebP, AVIF, HEIC and SVG are there, animations and an ICC profile too", async () => {
  const types = new Set(libraryFiles.map(({ contentType }) => contentType.replace(/^image\//, "")))
  expect([...types].sort()).toEqual(["avif", "gif", "heic", "jpeg", "png", "svg+xml", "webp"])
  const having = async (mark: string, times = 1) => {
    const contents = await Promise.all(
      libraryFiles.map(async (file) => (await read(file)).toString("latin1")),
    )
    return paths.filter((_, index) => (contents[index] ?? "").split(mark).length > times)
  }
  expect(await having("\x21\xf9\x04", 8)).toEqual(["graphics/sunrise.gif"])
  expect(await having("ANMF", 8)).toEqual(["graphics/moonrise.webp"])
  expect(await having("ICC_PROFILE\0")).toEqual(["profiles/wide-gamut.jpg"])
})

test("EXIF says what is listed: camera, time with offset, orientation and place; other files have none", async () => {
  for (const file of libraryFiles) expect(exifOf(await read(file)), file.path).toEqual(file.exif)
  const shot = libraryFiles.flatMap(({ exif }) => exif ?? [])
  expect(new Set(shot.map(({ taken }) => taken)).size).toBe(shot.length)
  expect(new Set(shot.map(({ model }) => model)).size).toBeGreaterThanOrEqual(5)
  expect(new Set(shot.map(({ orientation }) => orientation))).toEqual(new Set([undefined, 1, 3, 6, 8]))
  expect(shot.filter(({ gps }) => gps).length).toBeGreaterThanOrEqual(8)
})

test("the names hold the traps: order, normal forms, lengths and what URLs, XML and signatures escape", () => {
  const byUnits = [...paths].sort()
  const [tilde, face] = ["unicode/\uff5e.jpg", "unicode/\u{1f600}.jpg"]
  expect(paths).toEqual(expect.arrayContaining([tilde, face]))
  expect(paths.indexOf(tilde)).toBeLessThan(paths.indexOf(face))
  expect(byUnits.indexOf(tilde)).toBeGreaterThan(byUnits.indexOf(face))
  const order = ["order/a-1.jpg", "order/a.jpg", "order/a/b.jpg", "order/a0.jpg"]
  expect(paths.filter((path) => path.startsWith("order/"))).toEqual(order)
  expect(paths).toEqual(expect.arrayContaining(["unicode/nfc/caf\u00e9.jpg", "unicode/nfd/cafe\u0301.jpg"]))
  const length = (text: string) => Buffer.byteLength(text)
  expect(Math.max(...paths.flatMap((path) => path.split("/").map(length)))).toBe(255)
  expect(Math.max(...paths.map(length))).toBe(1000)
  for (const trap of " +#?&%!'()*\u202f\u200d")
    expect(
      paths.some((path) => path.includes(trap)),
      trap,
    ).toBe(true)
})

test("no two names would meet on a file system that folds case or normalises", () => {
  const folded = paths.map((path) => path.normalize("NFC").toLowerCase())
  expect(new Set(folded).size).toBe(paths.length)
})

test("a copy has every byte and every mtime, to the nanosecond", async () => {
  const copy = join(scratch, "copy")
  await copyLibrary(copy)
  expect(await filesIn(copy)).toEqual(paths)
  for (const file of libraryFiles) {
    const target = join(copy, file.path)
    expect((await stat(target, { bigint: true })).mtimeNs, file.path).toBe(mtimeNs(file))
    expect((await readFile(target)).equals(await read(file)), file.path).toBe(true)
  }
  expect(new Set(libraryFiles.map(mtimeNs)).size).toBe(libraryFiles.length)
  expect(libraryFiles.every((file) => mtimeNs(file) % 1_000_000_000n > 0n)).toBe(true)
})

test("a copy into a folder that holds something is refused", async () => {
  const used = join(scratch, "used")
  await mkdir(used)
  await writeFile(join(used, "mine.jpg"), "mine")
  await expect(copyLibrary(used)).rejects.toThrow(`${used} is not empty`)
  expect(await readdir(used)).toEqual(["mine.jpg"])
})
