import { accessSync, constants, existsSync } from "node:fs"
import { Fault } from "@imgmigrator/core/fault"
import { quoted } from "@imgmigrator/core/outcome"
import type { StoreSettings } from "../settings.ts"
import type { Store } from "../store.ts"
import { errno, fileFault, type Side } from "./faults.ts"
import { probeRead, probeWrite } from "./probe.ts"
import { openFile, statFile } from "./read.ts"
import { rootOf } from "./root.ts"
import { listTemporary } from "./temporary.ts"
import { openTree } from "./tree.ts"
import { abortUpload, beginUpload, completeUpload, fileParts, putFilePart } from "./upload.ts"
import { walk } from "./walk.ts"
import { putFile } from "./write.ts"

/** A folder of this machine. Refused (Fault `denied store.denied`) unless the service is a local one. */
export function openFileStore(path: string, settings: StoreSettings): Store {
  if (!settings.allowFile) {
    const message = "file: stores are for the local service (imgmigrator serve or migrate) only."
    throw new Fault("denied", "store.denied", message, { scope: "store" })
  }
  const root = rootOf(path, settings.fileRoots)
  const name = `file:${path}`
  const tree = openTree(root)

  /** What the operating system refuses becomes a Fault; of the store, where the root itself is what is wrong. */
  async function attempt<T>(side: Side, key: string, run: () => T | Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      const missing = errno(error) === "ENOENT" || (error instanceof Fault && error.kind === "missing")
      if (missing && side === "source" && !existsSync(root))
        throw new Fault("missing", "store.missing", `${name} is not there any more.`, {
          cause: error,
          scope: "store",
        })
      const denied = ["EACCES", "EPERM"].includes(errno(error)) && !usable(root, side)
      throw fileFault(error, side, denied ? name : quoted(key), denied ? "store" : undefined)
    }
  }

  /** Again where folders went away under us, such as that for temporary files. */
  const writing = <T>(key: string, run: () => Promise<T> | T, tries = 3): Promise<T> =>
    attempt("destination", key, async () => {
      try {
        return await run()
      } catch (error) {
        if (errno(error) !== "ENOENT" || tries === 1) throw error
        return await writing(key, run, tries - 1)
      }
    })

  return {
    kind: "file",
    name,
    get capabilities() {
      const { preconditions } = tree
      return { ordered: true, preconditions, checksums: false, ranges: true, writable: true }
    },
    async probe(purpose, { signal } = {}) {
      signal?.throwIfAborted()
      if (purpose === "read") probeRead(root, name)
      else probeWrite(root, name)
    },
    list: ({ after, signal } = {}) => walk(root, after, signal),
    stat: ({ key }, { signal } = {}) =>
      attempt("destination", key, () => {
        signal?.throwIfAborted()
        const path = tree.locate(key, "look")
        return path === undefined ? undefined : statFile(path, key)
      }),
    open: ({ key }, options = {}) =>
      attempt("source", key, () => {
        options.signal?.throwIfAborted()
        const path = tree.locate(key, "look")
        if (path === undefined) throw new Fault("missing", "source.missing", `${quoted(key)} is not there.`)
        return openFile(path, key, options)
      }),
    put: (key, bytes, options) => writing(key, () => putFile(tree, key, bytes, options)),
    begin: (key) => writing(key, () => beginUpload(tree, key)),
    putPart: (upload, number, bytes, { signal } = {}) =>
      attempt("destination", upload.key, () => {
        signal?.throwIfAborted()
        return putFilePart(tree, upload, number, bytes)
      }),
    parts: (upload) => attempt("destination", upload.key, () => fileParts(tree, upload)),
    complete: (upload, parts, options) =>
      attempt("destination", upload.key, () => completeUpload(tree, upload, parts, options)),
    abort: (upload) => attempt("destination", upload.key, () => abortUpload(tree, upload)),
    uploads: (since) => attempt("destination", name, () => listTemporary(root, since, Date.now())),
    async close() {
      tree.tidy()
    },
  }
}

function usable(root: string, side: Side): boolean {
  try {
    accessSync(root, constants.X_OK | (side === "source" ? constants.R_OK : constants.W_OK))
    return true
  } catch {
    return false
  }
}
