import { closeSync, constants, fstatSync, lstatSync, openSync, read as readCallback } from "node:fs"
import { promisify } from "node:util"
import { Fault } from "@imgmigrator/core/fault"
import { quoted } from "@imgmigrator/core/outcome"
import { contentTypeOf } from "../content-type.ts"
import { exactMtime } from "../mtime.ts"
import type { Call, Facts, Opened } from "../store.ts"
import { fileFault } from "./faults.ts"
import { entryOf } from "./identity.ts"

const read = promisify(readCallback)
const chunkSize = 1024 * 1024

/** `undefined` where no file is; a folder, a link or a socket of that name is Fault `conflict destination.collision`. */
export function statFile(path: string, key: string): Facts | undefined {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  if (!stats) return undefined
  if (!stats.isFile())
    throw new Fault("conflict", "destination.collision", `${quoted(key)} is there, and is no regular file.`)
  return { ...entryOf(key, stats), mtimeExact: exactMtime(stats.mtimeNs), contentType: contentTypeOf(key) }
}

/**
 * One version of a file: what it is (inode, size, times) is read from the open file before and after its bytes, and a
 * difference ends the body with Fault `stale source.changed`.
 */
export function openFile(
  path: string,
  key: string,
  { start = 0, etag, signal }: Call & { readonly start?: number; readonly etag?: string },
): Opened {
  const name = quoted(key)
  const changed = () => new Fault("stale", "source.changed", `${name} changed while it was read.`)
  const fd = attempt(name, () =>
    openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK),
  )
  let open = true
  let at = start
  const destroy = () => {
    if (open) closeSync(fd)
    open = false
  }
  try {
    const stats = fstatSync(fd, { bigint: true })
    if (!stats.isFile()) throw new Fault("invalid", "source.type", `${name} is no regular file.`)
    const facts = {
      ...entryOf(key, stats),
      mtimeExact: exactMtime(stats.mtimeNs),
      contentType: contentTypeOf(key),
    }
    if (etag !== undefined && etag !== facts.etag) throw changed()
    return {
      facts,
      body: { destroy, [Symbol.asyncIterator]: () => bytes(Number(stats.size), facts.etag) },
      readInto: (target) => readInto(target, Number(stats.size), facts.etag),
    }
  } catch (error) {
    destroy()
    throw error
  }

  async function readInto(target: Buffer, size: number, seen: string | undefined): Promise<void> {
    if (!open && at === size && target.length === 0) return
    try {
      if (!open) throw new Error("This body was destroyed.")
      for (let filled = 0; filled < target.length; ) {
        signal?.throwIfAborted()
        const { bytesRead } = await read(fd, target, filled, target.length - filled, at)
        if (bytesRead === 0) throw changed()
        filled += bytesRead
        at += bytesRead
      }
      if (at < size) return
      if (entryOf(key, fstatSync(fd, { bigint: true })).etag !== seen) throw changed()
      destroy()
    } catch (error) {
      destroy()
      throw fileFault(error, "source", name)
    }
  }

  async function* bytes(size: number, seen: string | undefined): AsyncGenerator<Buffer> {
    try {
      while (at < size) {
        signal?.throwIfAborted()
        if (!open) throw new Error("This body was destroyed.")
        const chunk = Buffer.allocUnsafeSlow(Math.min(chunkSize, size - at))
        const { bytesRead } = await read(fd, chunk, 0, chunk.length, at)
        if (bytesRead === 0) throw changed()
        at += bytesRead
        // Before the last bytes are given away, so that who stops at the announced size has been told.
        if (at >= size && entryOf(key, fstatSync(fd, { bigint: true })).etag !== seen) throw changed()
        yield bytesRead === chunk.length ? chunk : chunk.subarray(0, bytesRead)
      }
    } catch (error) {
      throw fileFault(error, "source", name)
    } finally {
      destroy()
    }
  }
}

function attempt<T>(name: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw fileFault(error, "source", name)
  }
}
