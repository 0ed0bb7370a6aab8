import { accessSync, chmodSync, constants } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

/** The dynoxide that npm installed for this machine (an optional dependency), if there is one. */
export function dynoxideBinary(): string | undefined {
  try {
    const manifest = createRequire(import.meta.url).resolve(
      `@dynoxide/${process.platform}-${process.arch}/package.json`,
    )
    return executable(join(dirname(manifest), "dynoxide"))
  } catch {
    return undefined
  }
}

/** Some archives lose the executable bit on the way. */
function executable(path: string): string {
  try {
    accessSync(path, constants.X_OK)
  } catch {
    chmodSync(path, 0o755)
  }
  return path
}
