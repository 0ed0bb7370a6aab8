import { execFileSync } from "node:child_process"
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

export type Workspace = { readonly root: string; remove(): void }

/**
 * A copy of the tree as it stands, with the dependencies of the original. What is broken in it on purpose can't stay
 * broken anywhere, whenever this is killed.
 */
export function copyOf(original: string): Workspace {
  const root = mkdtempSync(join(tmpdir(), "imgmigrator-mutations-"))
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: original,
  })
  for (const path of listed.toString().split("\0").filter(Boolean)) {
    if (!existsSync(join(original, path))) continue
    mkdirSync(dirname(join(root, path)), { recursive: true })
    cpSync(join(original, path), join(root, path))
  }
  const packages = readdirSync(join(root, "packages")).map((name) => join("packages", name))
  for (const at of [".", ...packages])
    if (existsSync(join(original, at, "node_modules")))
      linkModules(join(original, at, "node_modules"), join(root, at, "node_modules"))
  return { root, remove: () => rmSync(root, { recursive: true, force: true }) }
}

/** Packages of npm lead to the original, those of the workspace to the copy. */
function linkModules(from: string, to: string) {
  mkdirSync(to)
  for (const name of readdirSync(from)) {
    const path = join(from, name)
    const isOwn = lstatSync(path).isSymbolicLink()
    if (name.startsWith("@") && !isOwn) linkModules(path, join(to, name))
    // Ours are links relative to where they stand.
    else symlinkSync(isOwn ? readlinkSync(path) : path, join(to, name))
  }
}
