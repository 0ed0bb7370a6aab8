import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as z from "zod"

export const root = fileURLToPath(new URL("../..", import.meta.url))
export const platform = join(root, ".sst/platform")

const Package = z.object({ version: z.string() })
const lock = join(root, ".sst/platform.lock")
/** A run takes about five seconds, a minute with a cold cache; a lock that is older was left by one that was killed. */
const staleMs = 10 * 60_000

/**
 * SST's components and the provider's types in `.sst/platform`, from the npm registry alone: no AWS account, and
 * neither pulumi nor bun from GitHub. Does nothing where they are there already in the version that package.json pins.
 */
export async function materialisePlatform(): Promise<"made" | "there"> {
  const version = await pinned("sst")
  if (await isComplete(version)) return "there"
  await mkdir(join(root, ".sst"), { recursive: true })
  await waitForTurn()
  try {
    if (await isComplete(version)) return "there"
    await rm(stamp, { force: true })
    await install()
    await writeFile(`${stamp}.tmp`, version)
    await rename(`${stamp}.tmp`, stamp)
    return "made"
  } finally {
    await rm(lock, { recursive: true, force: true })
  }
}

/** Written last, so that an install that was interrupted does not count. */
const stamp = join(root, ".sst/platform.stamp")

const isComplete = async (version: string): Promise<boolean> =>
  existsSync(join(platform, "node_modules/@pulumi/aws/package.json")) &&
  (await readFile(stamp, "utf8").catch(() => "")) === version

/** Two test files, or a test and a typecheck, may start at the same time. */
async function waitForTurn(): Promise<void> {
  for (;;) {
    const mine = await mkdir(lock).then(
      () => true,
      () => false,
    )
    if (mine) return
    const made = await stat(lock).catch(() => undefined)
    if (made && Date.now() - made.mtimeMs > staleMs) await rm(lock, { recursive: true, force: true })
    await sleep(100)
  }
}

async function install(): Promise<void> {
  const bin = join(root, "node_modules/.bin")
  const env = {
    ...process.env,
    PATH: `${bin}:${process.env.PATH}`,
    // Else every command begins with a download of pulumi and bun from GitHub, which `install` does not need.
    SST_SKIP_DEPENDENCY_CHECK: "1",
    SST_BUN_PATH: join(bin, "bun"),
    SST_STAGE: "platform",
    SST_TELEMETRY_DISABLED: "1",
  }
  await promisify(execFile)(join(bin, "sst"), ["install"], { cwd: root, env })
}

async function pinned(name: string): Promise<string> {
  return Package.parse(JSON.parse(await readFile(join(root, `node_modules/${name}/package.json`), "utf8")))
    .version
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log(`.sst/platform: ${await materialisePlatform()}`)
