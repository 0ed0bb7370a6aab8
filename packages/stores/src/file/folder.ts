import { type Dirent, lstatSync, opendirSync, type Stats } from "node:fs"
import { isAscii, isOurs, onDisk, readable } from "./names.ts"

export type Kind = "file" | "folder" | "symbolic link" | "socket" | "pipe" | "device"

/**
 * What a folder holds: `names` in byte order, folders with a slash behind, and what is remarkable about the few that are
 * neither plain files nor plain folders. Two shapes rather than an object a name, since a folder may hold a million.
 */
export type Contents = { readonly names: string[]; readonly odd: ReadonlyMap<string, Odd> }
/** `raw`: the name as it is on disk. */
export type Odd = { readonly raw: string; readonly kind: Kind }

// Node takes "buffer" here (fs docs: fs.opendir), its type definitions do not know it; names are Buffers then.
const encoding = "buffer" as BufferEncoding

/** `path` and all names are bytes, one unit each (names.ts). */
export function contentsOf(path: string): Contents {
  const names: string[] = []
  const odd = new Map<string, Odd>()
  const directory = opendirSync(onDisk(path), { encoding, bufferSize: 512 })
  try {
    for (let entry = directory.readSync(); entry; entry = directory.readSync()) {
      const name: unknown = entry.name
      const raw = Buffer.isBuffer(name) ? name.toString("latin1") : entry.name
      const kind = kindOf(entry) ?? kindAt(`${path}/${raw}`)
      if (!kind || isOurs(raw)) continue
      const shown = isAscii(raw) ? raw : readable(raw)
      const listed = kind === "folder" ? `${shown}/` : shown
      if (shown !== raw || (kind !== "file" && kind !== "folder")) odd.set(listed, { raw, kind })
      names.push(listed)
    }
  } finally {
    directory.closeSync()
  }
  return { names: names.sort(), odd }
}

/** Some file systems do not tell the kind in a listing. `undefined`: it went away meanwhile. */
function kindAt(path: string): Kind | undefined {
  const stats = lstatSync(onDisk(path), { throwIfNoEntry: false })
  return stats && (kindOf(stats) ?? "device")
}

function kindOf(entry: Dirent | Stats): Kind | undefined {
  if (entry.isFile()) return "file"
  if (entry.isDirectory()) return "folder"
  if (entry.isSymbolicLink()) return "symbolic link"
  if (entry.isSocket()) return "socket"
  if (entry.isFIFO()) return "pipe"
  if (entry.isBlockDevice() || entry.isCharacterDevice()) return "device"
}
