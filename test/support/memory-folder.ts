import { chmodSync, mkdtempSync, rmSync, statfsSync } from "node:fs"

const beginning = "/dev/shm/imgmigrator-test-"
/** What the normal tests need at once is under 2 GB. */
const enough = 6 * 1024 ** 3

/**
 * A new folder in memory for what tests write, where the system has room for one: they need not wait for a disk's `fsync`.
 * Else, and where it is told (TMPDIR), what is there already.
 */
export function memoryFolder(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env.TMPDIR || env.IMGMIGRATOR_LONG) return env.TMPDIR
  try {
    const { bavail, bsize } = statfsSync("/dev/shm")
    if (bavail * bsize < enough) return undefined
    const folder = mkdtempSync(beginning)
    // Some tests run programs as a user without rights.
    chmodSync(folder, 0o711)
    return folder
  } catch {
    return undefined
  }
}

/** When all tests have ended; what TMPDIR named before is left alone. */
export function removeMemoryFolder({ TMPDIR }: NodeJS.ProcessEnv = process.env): void {
  if (TMPDIR?.startsWith(beginning)) rmSync(TMPDIR, { recursive: true, force: true })
}
