import { readFileSync } from "node:fs"
import { copyFile, mkdir, readdir, utimes } from "node:fs/promises"
import { dirname, join } from "node:path"
import * as z from "zod"

/** One file of the sample library, as test/fixtures/library.json has it. */
export const LibraryFile = z.strictObject({
  /** Relative to the library, with `/`. */
  path: z.string().min(1),
  bytes: z.int().nonnegative(),
  /** Lower-case hex. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** What the extension says; of a file with a flaw it may not be true. */
  contentType: z.string(),
  /** UTC with nine decimals, each exact in a double. A `Date` keeps three of them. */
  mtime: z.iso.datetime({ precision: 9 }),
  /** What the file's own EXIF says; without it the file has none. Degrees are signed: south and west are negative. */
  exif: z
    .strictObject({
      taken: z.iso.datetime({ offset: true }),
      make: z.string(),
      model: z.string(),
      orientation: z.int().min(1).max(8).optional(),
      gps: z.tuple([z.number(), z.number()]).optional(),
    })
    .optional(),
  flaw: z.enum(["empty", "truncated", "not-an-image"]).optional(),
  notes: z.string().min(1),
})
export type LibraryFile = z.infer<typeof LibraryFile>

const fixtures = join(import.meta.dirname, "../fixtures")

/** Where the committed images are. Git keeps no mtimes: what needs them works on a copy. */
export const libraryPath = join(fixtures, "library")

/** Every file of the library in the order of its UTF-8 bytes, which is the order in which S3 lists keys. */
export const libraryFiles: readonly LibraryFile[] = z
  .array(LibraryFile)
  .parse(JSON.parse(readFileSync(join(fixtures, "library.json"), "utf8")))

/** Nanoseconds since 1970 of a file's `mtime`, as `stat(path, { bigint: true }).mtimeNs` gives them. */
export function mtimeNs({ mtime }: Pick<LibraryFile, "mtime">): bigint {
  const [whole = "", decimals = ""] = mtime.slice(0, -1).split(".")
  return BigInt(Date.parse(`${whole}Z`)) * 1_000_000n + BigInt(decimals)
}

/** Lays the library out in `folder`, mtimes and all. Makes the folder; throws when something is in it already. */
export async function copyLibrary(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  if ((await readdir(folder)).length > 0) throw new Error(`${folder} is not empty`)
  for (const file of libraryFiles) {
    const target = join(folder, file.path)
    await mkdir(dirname(target), { recursive: true })
    await copyFile(join(libraryPath, file.path), target)
    const nanoseconds = mtimeNs(file)
    // In two steps: the whole as one number would be rounded before it is divided.
    const seconds = Number(nanoseconds / 1_000_000_000n) + Number(nanoseconds % 1_000_000_000n) / 1e9
    await utimes(target, seconds, seconds)
  }
}
