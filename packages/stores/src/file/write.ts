import { closeSync, fstatSync, futimesSync, openSync, readSync, rmSync, writeSync } from "node:fs"
import { dirname, join } from "node:path"
import { Fault } from "@imgmigrator/core/fault"
import { quoted } from "@imgmigrator/core/outcome"
import type { Call, Description, Precondition, Receipt } from "../store.ts"
import { etagOf } from "./identity.ts"
import { place } from "./place.ts"
import { fsync } from "./sync.ts"
import { newId } from "./temporary.ts"
import type { Tree } from "./tree.ts"

type Put = Call & {
  readonly sha256: Buffer
  readonly description: Description
  readonly precondition?: Precondition
}

/**
 * A small file: temporary name, bytes, compared, mtime, fsync, final name, fsync of the folder. All but the two syncs
 * are synchronous calls: on two cores that moved more files a second than asynchronous ones at 60 % of their CPU.
 */
export async function putFile(tree: Tree, key: string, bytes: Buffer, options: Put): Promise<Receipt> {
  const target = tree.locate(key, "create")
  const temporary = join(tree.temporary(target, "create"), newId("put"))
  const fd = openSync(temporary, "wx+")
  let placed = false
  try {
    writeAll(fd, bytes, 0)
    compare(fd, bytes, key)
    setMtime(fd, options.description)
    await fsync(fd)
    options.signal?.throwIfAborted()
    // Once more: it may have become a link while the bytes went to disk.
    tree.enforced(place(temporary, tree.locate(key, "create"), key, options.precondition))
    placed = true
    const etag = etagOf(fstatSync(fd, { bigint: true }))
    await tree.sync(dirname(target))
    return {
      etag,
      checksum: { algorithm: "sha256", value: options.sha256.toString("base64") },
      confirmed: "read-back",
    }
  } finally {
    closeSync(fd)
    if (!placed) rmSync(temporary, { force: true })
  }
}

/**
 * Bytes of one write(2). For a longer one ext4 takes pieces of page cache of its length (Linux: large folios), which are
 * seldom there ready: on a virtual machine 5 MB at once took 13 ms, in such pieces 1 ms (bench/profile).
 */
export const writeSize = 128 * 1024

/** Fails as the write did where the disk is full: write(2) may stop short first. */
export function writeAll(fd: number, bytes: Buffer, position: number): void {
  for (let at = 0; at < bytes.length; )
    at += writeSync(fd, bytes, at, Math.min(writeSize, bytes.length - at), position + at)
}

function compare(fd: number, bytes: Buffer, key: string): void {
  let size = 0
  while (size < bytes.length) {
    const read = readSync(fd, scratch, 0, Math.min(scratch.length, bytes.length - size), size)
    if (read === 0 || bytes.compare(scratch, 0, read, size, size + read) !== 0) break
    size += read
  }
  if (size === bytes.length && readSync(fd, scratch, 0, 1, size) === 0) return
  throw new Fault("corrupt", "destination.corrupt", `${quoted(key)} does not read back as it was written.`)
}

const scratch = Buffer.allocUnsafeSlow(256 * 1024)

/**
 * Node takes seconds as a double: exact to about a quarter of a microsecond. A negative number it takes for "now"
 * (fs's toUnixTimestamp), a Date before 1970 it does not.
 */
export function setMtime(fd: number, { mtime, mtimeExact }: Description): void {
  const seconds =
    mtimeExact !== undefined ? Number(mtimeExact) : mtime !== undefined ? mtime / 1000 : undefined
  if (seconds === undefined) return
  const time = seconds < 0 ? new Date(seconds * 1000) : seconds
  futimesSync(fd, time, time)
}
