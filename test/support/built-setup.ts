import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { isBuilt } from "../../packages/cli/bin/built.js"

/** The command line that tests start is built once, from what the sources are now. */
export function setup(): void {
  if (isBuilt()) return
  const build = fileURLToPath(new URL("../../packages/cli/build.js", import.meta.url))
  execFileSync(process.execPath, [build], { stdio: "inherit" })
}
