import { chmodSync, mkdtempSync, rmSync, statfsSync } from "node:fs"

const beginning = "/dev/shm/imgmigrator-test-"
/** Twelve times what the normal tests were seen to need at once. */
const enough = 6 * 1024 ** 3

/**
 * A new folder in memory for what tests write, where the system has room for one: they need not wait for a disk's `fsync`.
 * Else, and where it is told (TMPDIR), what is there already.
 */
export function memoryFolder(): string | undefined {
  const { TMPDIR, IMGMIGRATOR_LONG } = process.env
  if (TMPDIR || IMGMIGRATOR_LONG) return TMPDIR
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

/** By vitest, when all tests have ended: a test process that is killed removes nothing. What TMPDIR named before is left alone. */
export function teardown(): void {
  const { TMPDIR } = process.env
  if (TMPDIR?.startsWith(beginning)) rmSync(TMPDIR, { recursive: true, force: true })
}
