import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { Fault } from "@imgmigrator/core/fault"
import { quoted } from "@imgmigrator/core/outcome"
import type { Call, Description, Part, Precondition, Receipt, Upload } from "../store.ts"
import { partSize } from "../store.ts"
import { errno } from "./faults.ts"
import { etagOf } from "./identity.ts"
import { temporaryFolder } from "./names.ts"
import { place } from "./place.ts"
import { fsync } from "./sync.ts"
import { isId, newId, removeUpload } from "./temporary.ts"
import type { Tree } from "./tree.ts"
import { missing, type Paths, pathsOf, readLog, startLog, writeLog } from "./upload-log.ts"
import { setMtime, writeSize } from "./write.ts"

const read = promisify(fs.read)
const write = promisify(fs.write)

/** An upload is a temporary file and a log of the parts in it, each with its SHA-256. */
export function beginUpload(tree: Tree, key: string): Upload {
  const target = tree.locate(key, "create")
  const upload = { key, id: newId("up"), partSize }
  startLog(pathsOf(tree.temporary(target, "create"), upload.id), upload)
  return upload
}

/** The part is on disk before the log says so. */
export async function putFilePart(tree: Tree, upload: Upload, number: number, bytes: Buffer): Promise<Part> {
  const paths = locate(tree, upload)
  const fd = openData(paths, upload)
  try {
    for (let at = 0; at < bytes.length; ) {
      const position = (number - 1) * upload.partSize + at
      at += (await write(fd, bytes, at, Math.min(writeSize, bytes.length - at), position)).bytesWritten
    }
    await fsync(fd)
  } finally {
    fs.closeSync(fd)
  }
  const sha256 = createHash("sha256").update(bytes).digest("base64")
  return writeLog(paths, { number, size: bytes.length, checksum: { algorithm: "sha256", value: sha256 } })
}

export const fileParts = (tree: Tree, upload: Upload): readonly Part[] => readLog(locate(tree, upload)).parts

/** Completed or thrown away by another meanwhile, it is not there. */
function openData({ data }: Paths, { key }: Upload): number {
  try {
    return fs.openSync(data, "r+")
  } catch (error) {
    if (errno(error) === "ENOENT") throw missing(key)
    throw error
  }
}

type Complete = Call & { readonly description: Description; readonly precondition?: Precondition }

/** Reads all back: each part must be what was logged, and the SHA-256 of the whole is made on the way. */
export async function completeUpload(
  tree: Tree,
  upload: Upload,
  parts: readonly Part[],
  options: Complete,
): Promise<Receipt> {
  const target = tree.locate(upload.key, "create")
  const paths = locate(tree, upload)
  const fd = openData(paths, upload)
  try {
    fs.ftruncateSync(
      fd,
      parts.reduce((sum, part) => sum + part.size, 0),
    )
    const value = await verify(fd, upload, parts, options.signal)
    setMtime(fd, options.description)
    await fsync(fd)
    options.signal?.throwIfAborted()
    tree.enforced(place(paths.data, tree.locate(upload.key, "create"), upload.key, options.precondition))
    const etag = etagOf(fs.fstatSync(fd, { bigint: true }))
    await tree.sync(dirname(target))
    fs.rmSync(paths.log, { force: true })
    return { etag, checksum: { algorithm: "sha256", value }, confirmed: "read-back" }
  } finally {
    fs.closeSync(fd)
  }
}

async function verify(
  fd: number,
  upload: Upload,
  parts: readonly Part[],
  signal?: AbortSignal,
): Promise<string> {
  const whole = createHash("sha256")
  const chunk = Buffer.allocUnsafeSlow(1024 * 1024)
  for (const [index, part] of parts.entries()) {
    if (part.number !== index + 1 || (part.size !== upload.partSize && index < parts.length - 1))
      throw corrupt(upload)
    const hash = createHash("sha256")
    for (let at = 0; at < part.size; ) {
      signal?.throwIfAborted()
      const length = Math.min(chunk.length, part.size - at)
      const { bytesRead } = await read(fd, chunk, 0, length, index * upload.partSize + at)
      if (bytesRead === 0) throw corrupt(upload)
      const bytes = chunk.subarray(0, bytesRead)
      hash.update(bytes)
      whole.update(bytes)
      at += bytesRead
    }
    if (hash.digest("base64") !== part.checksum?.value) throw corrupt(upload)
  }
  return whole.digest("base64")
}

const corrupt = ({ key }: Upload) =>
  new Fault(
    "corrupt",
    "destination.corrupt",
    `The parts of ${quoted(key)} do not read back as they were written.`,
  )

export function abortUpload(tree: Tree, upload: Upload): void {
  const folder = temporaryFolderOf(tree, upload)
  if (folder) removeUpload(folder, upload.id)
}

function locate(tree: Tree, upload: Upload): Paths {
  const folder = temporaryFolderOf(tree, upload)
  if (!folder) throw missing(upload.key)
  return pathsOf(folder, upload.id)
}

function temporaryFolderOf(tree: Tree, { key, id }: Upload): string | undefined {
  if (!isId(id)) throw missing(key)
  // What a writer that is no more has left is nobody's.
  if (key === "") return join(tree.root, temporaryFolder)
  const target = tree.locate(key, "look")
  return target && tree.temporary(target, "look")
}
