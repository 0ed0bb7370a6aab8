import { open, readFile, rm } from "node:fs/promises"
import { join } from "node:path"

/** Makes this process the only one to use `folder`; a lock whose process has died is taken over. Throws if it is in use. */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, "lock")
  for (let tries = 0; tries < 5; tries++) {
    if (await claim(path)) return () => rm(path, { force: true })
    const owner = Number(await readFile(path, "utf8").catch(() => ""))
    if (isAlive(owner))
      throw new Error(`${folder} is in use by process ${owner} (if that is another program, remove ${path})`)
    await rm(path, { force: true })
  }
  throw new Error(`${folder} cannot be locked`)
}

async function claim(path: string): Promise<boolean> {
  try {
    const file = await open(path, "wx")
    await file.writeFile(String(process.pid)).finally(() => file.close())
    return true
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false
    throw error
  }
}

/** Signal 0 asks without doing anything; EPERM means that it lives and belongs to someone else. */
function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}
