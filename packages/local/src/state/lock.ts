import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { Fault } from "@imgmigrator/core/fault"

export type Lock = { release(): void }

/**
 * Own the state folder, or `undefined` where another process does. SQLite holds the kernel's lock on an empty file:
 * the kernel lets go of it however the owner ends, so no lock is ever stale and none needs cleaning by hand.
 * Trap: POSIX drops the lock when this process closes any other descriptor of the file. Nothing else may open it.
 * Fault `denied state.unwritable` where the folder cannot be made or written.
 */
export function lockState(folder: string): Lock | undefined {
  const database = open(folder)
  try {
    database.exec("BEGIN EXCLUSIVE")
  } catch (error) {
    database.close()
    if (isBusy(error)) return undefined
    throw unwritable(folder, error)
  }
  return { release: () => database.close() }
}

function open(folder: string): DatabaseSync {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return new DatabaseSync(join(folder, "lock"), { timeout: 0 })
  } catch (error) {
    throw unwritable(folder, error)
  }
}

/** SQLITE_BUSY (https://sqlite.org/rescode.html). */
const isBusy = (error: unknown) => error instanceof Error && "errcode" in error && error.errcode === 5

const unwritable = (folder: string, cause: unknown) =>
  new Fault(
    "denied",
    "state.unwritable",
    `The state folder ${folder} cannot be written (${cause instanceof Error ? cause.message : cause}); choose another with --state DIR.`,
    { cause },
  )
