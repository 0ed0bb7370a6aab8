import { createHash, randomBytes } from "node:crypto"
import { lstatSync, readdirSync, rmSync } from "node:fs"
import { hostname } from "node:os"
import { join } from "node:path"
import { partSize, type Upload } from "../store.ts"
import { errno } from "./faults.ts"
import { temporaryFolder } from "./names.ts"
import { begun, pathsOf } from "./upload-log.ts"

const here = createHash("sha256").update(hostname()).digest("hex").slice(0, 8)
const hour = 3_600_000

/** `put` a small file on its way · `up` an upload in parts. The name tells whose it is: host and process. */
export const newId = (kind: "put" | "up") =>
  `${kind}-${here}-${process.pid}-${randomBytes(6).toString("hex")}`
export const isId = (id: string) => /^(put|up)-[0-9a-f]{8}-\d+-[0-9a-f]{12}$/.test(id)
/** Uploads begun since `since`; and what a writer that is no more has left: small files, uploads that had hardly begun. */
export function listTemporary(root: string, since: number, now: number): Upload[] {
  const folder = join(root, temporaryFolder)
  return namesIn(folder).flatMap((id) => {
    const upload = id.startsWith("up-") ? begun(pathsOf(folder, id)) : undefined
    if (upload) return upload.begun >= since ? [{ key: upload.key, id, partSize: upload.partSize }] : []
    const stats = lstatSync(join(folder, id), { throwIfNoEntry: false })
    return stats && abandoned(id, now - stats.ctimeMs) ? [{ key: "", id, partSize }] : []
  })
}

export function removeUpload(folder: string, id: string): void {
  const paths = pathsOf(folder, id)
  rmSync(paths.data, { force: true })
  rmSync(paths.log, { force: true })
}

function abandoned(id: string, age: number): boolean {
  const [, host, pid] = id.split("-")
  if (host !== here || age > hour) return age > hour
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return errno(error) === "ESRCH"
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter(isId)
  } catch (error) {
    if (errno(error) === "ENOENT") return []
    throw error
  }
}
