import { resolve } from "node:path"
import { Fault } from "@imgmigrator/core/fault"
import { parseStoreRef, type StoreRef } from "@imgmigrator/core/store-ref"
import { misused } from "./arguments.ts"

/**
 * A store as the command line takes it: a URI, the same as JSON (`{"type":"urls",…}`), or else a folder. Folders are
 * relative to where the command runs, which need not be where the service does. Fault `invalid cli.usage` for what is
 * no store.
 */
export function storeArgument(name: string, text: string, cwd = process.cwd()): StoreRef {
  const isFolder = !/^([a-z][a-z0-9+.-]*:|\s*\{)/i.test(text)
  if (isFolder) return resolve(cwd, text)
  const given = text.trimStart().startsWith("{") ? fromJson(name, text) : text
  const ref = known(name, () => parseStoreRef(given))
  return ref.type === "file" ? resolve(cwd, ref.path) : given
}

function fromJson(name: string, text: string): StoreRef {
  try {
    return JSON.parse(text)
  } catch {
    throw misused(`${name}: what begins with { must be JSON.`)
  }
}

/** The same words as the service would use, before anything is started. */
export function known<Result>(name: string, parse: () => Result): Result {
  try {
    return parse()
  } catch (error) {
    if (error instanceof Fault)
      throw new Fault(error.kind, "cli.usage", `${name}: ${error.message}`, { cause: error })
    throw error
  }
}
