import { closeSync, fsync as fsyncCallback, openSync } from "node:fs"
import { promisify } from "node:util"

export const fsync = promisify(fsyncCallback)

/**
 * Makes a folder's names durable, many callers at one cost: who comes while a sync runs waits for the next one, which
 * covers all that came.
 */
export function folderSync() {
  const running = new Map<string, { now: Promise<void>; next?: Promise<void> }>()

  async function sync(folder: string): Promise<void> {
    const fd = openSync(folder, "r")
    try {
      await fsync(fd)
    } finally {
      closeSync(fd)
    }
  }

  function start(folder: string): Promise<void> {
    const now = sync(folder).finally(() => {
      if (running.get(folder)?.now === now) running.delete(folder)
    })
    running.set(folder, { now })
    return now
  }

  return (folder: string): Promise<void> => {
    const state = running.get(folder)
    if (!state) return start(folder)
    state.next ??= state.now.then(
      () => start(folder),
      () => start(folder),
    )
    return state.next
  }
}
