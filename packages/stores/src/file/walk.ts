import { lstatSync } from "node:fs"
import { setImmediate } from "node:timers/promises"
import { Fault } from "@imgmigrator/core/fault"
import { quoted } from "@imgmigrator/core/outcome"
import type { Entry } from "../store.ts"
import { errno, fileFault } from "./faults.ts"
import { contentsOf, type Kind } from "./folder.ts"
import { entryOf } from "./identity.ts"
import { bytesOf, onDisk, textOf } from "./names.ts"

const pageSize = 1000

/** Bytes, one unit each (names.ts). `path` is where it is, `key` how it is shown; they part where a name is no UTF-8. */
type Folder = { readonly path: string; readonly key: string; readonly named: boolean }

/**
 * Every file below `root` behind the key `after`, in the order of the keys' bytes: a folder sorts as its name with a
 * slash behind, as S3 lists it. Of each level one folder's names are in memory. What can't be moved (links, sockets,
 * names that are no UTF-8) is listed with its Fault; an unreadable folder too, as one entry.
 */
export async function* walk(root: string, after = "", signal?: AbortSignal): AsyncGenerator<Entry[]> {
  let page: Entry[] = []
  for (const step of steps({ path: bytesOf(root), key: "", named: true }, bytesOf(after))) {
    if (step) page.push(step)
    if (step && page.length < pageSize) continue
    // The walk is synchronous, which is several times faster; timers (leases, progress) get their turn between pages.
    await setImmediate()
    signal?.throwIfAborted()
    if (page.length < pageSize) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}

/** Entries; `undefined` where a folder was read, which may have taken long. */
function* steps(folder: Folder, after: string): Generator<Entry | undefined> {
  const contents = contentsOrFault(folder)
  if (contents instanceof Fault) {
    yield { key: textOf(folder.key), fault: contents }
    return
  }
  yield undefined
  for (const name of contents.names) {
    const key = folder.key + name
    if (name.endsWith("/")) {
      if (key <= after && !after.startsWith(key)) continue
      const raw = contents.odd.get(name)?.raw
      yield* steps(
        { path: `${folder.path}/${raw ?? name.slice(0, -1)}`, key, named: folder.named && !raw },
        after,
      )
      continue
    }
    if (key <= after) continue
    const { raw, kind = "file" } = contents.odd.get(name) ?? {}
    const entry = entryAt(
      `${folder.path}/${raw ?? name}`,
      textOf(key),
      kind,
      folder.named && (!raw || raw === name),
    )
    if (entry) yield entry
  }
}

function contentsOrFault(folder: Folder) {
  try {
    return contentsOf(folder.path)
  } catch (error) {
    if (folder.key === "") throw fileFault(error, "source", "The folder", "store")
    if (errno(error) === "ENOENT" || errno(error) === "ENOTDIR") return { names: [], odd: new Map() }
    const fault = fileFault(error, "source", `The folder ${JSON.stringify(textOf(folder.key))}`)
    if (fault instanceof Fault) return fault
    throw error
  }
}

/** `undefined`: it went away since its folder was read. */
function entryAt(path: string, key: string, kind: Kind, named: boolean): Entry | undefined {
  const refuse = (code: string, why: string) => ({
    key,
    fault: new Fault("invalid", code, `${quoted(key)} ${why}.`),
  })
  if (!named) return refuse("source.name", "has a name that is no UTF-8; rename it to migrate it")
  if (kind !== "file") return refuse("source.type", `is a ${kind}, not a file`)
  const stats = lstatSync(onDisk(path), { bigint: true, throwIfNoEntry: false })
  return stats && entryOf(key, stats)
}
