import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { materialisePlatform, root } from "../../../infra/scripts/platform.ts"
import { quickNode } from "../../support/node.ts"
import { configs } from "./config.ts"
import { Planned, type SynthRequest } from "./plan.ts"

export type Synth = {
  /** Settings that an engineer would have in `.env`. */
  readonly env?: Readonly<Record<string, string>>
  /** Of `sst secret set`. */
  readonly secrets?: Readonly<Record<string, string>>
  readonly plant?: SynthRequest["plant"]
}

const store = join(root, ".sst/plans")

/** Of Node: most of an evaluation is the loading of the AWS provider's modules. */
const compiled = join(root, ".sst/compiled")

/** Everything that a plan is made of. */
const sources = [
  "sst.config.ts",
  "infra",
  "packages/core/src",
  "packages/stores/src",
  "packages/functions/src",
  "package-lock.json",
  "test/infra/support",
  ".sst/platform.stamp",
]

/**
 * The plan of a stage. An evaluation takes about five seconds, so test files share it: it is kept in `.sst/plans`
 * under a hash of all that it is made of.
 */
export async function synth(stage: string, options: Synth = {}): Promise<Planned> {
  await materialisePlatform()
  const sourcesHash = await hashOf(sources)
  const key = sha256(JSON.stringify([sourcesHash, stage, options])).slice(0, 24)
  const work = join(store, key)
  const out = join(work, "plan.json")
  await mkdir(store, { recursive: true })
  for (;;) {
    if (existsSync(out)) return readPlan(out)
    const release = await tryLock(`${work}.lock`)
    if (release) {
      try {
        if (existsSync(out)) return await readPlan(out)
        const bundles = join(store, `bundles-${sourcesHash.slice(0, 24)}`)
        const request = { stage, out, work, bundles, sources: sourcesHash, plant: options.plant ?? [] }
        await evaluate(request, options)
        await forgetOld()
      } finally {
        await release()
      }
    }
    await sleep(50)
  }
}

async function evaluate(request: SynthRequest, { env = {}, secrets = {} }: Synth) {
  await rm(request.work, { recursive: true, force: true })
  await mkdir(request.work, { recursive: true })
  const child = fileURLToPath(new URL("child.ts", import.meta.url))
  const secretEnv = Object.fromEntries(
    Object.entries(secrets).map(([name, value]) => [`SST_SECRET_${name}`, value]),
  )
  const ended = await promisify(execFile)(process.execPath, [child, JSON.stringify(request)], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      HOME: request.work,
      ...quickNode(),
      NODE_COMPILE_CACHE: compiled,
      ...env,
      ...secretEnv,
    },
    maxBuffer: 64 * 1024 * 1024,
  }).catch((error: unknown) => error)
  if (!(ended instanceof Error)) return
  // Pulumi counts promises that never settled: the consequence of a failure, or else of a cycle between resources.
  const { failures } = await readPlan(request.out).catch(() => ({ failures: [] }))
  if (failures.length > 0) return
  await rm(request.out, { force: true })
  throw ended
}

const readPlan = async (path: string) => Planned.parse(JSON.parse(await readFile(path, "utf8")))

async function tryLock(path: string): Promise<(() => Promise<void>) | undefined> {
  const mine = await mkdir(path).then(
    () => true,
    () => false,
  )
  if (mine) return () => rm(path, { recursive: true, force: true })
  const held = await stat(path).catch(() => undefined)
  if (held && Date.now() - held.mtimeMs > 600_000) await rm(path, { recursive: true, force: true })
  return undefined
}

async function hashOf(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256")
  for (const path of paths) {
    const full = join(root, path)
    const isFolder = (await stat(full)).isDirectory()
    const files = isFolder
      ? (await readdir(full, { recursive: true })).sort().map((file) => join(full, file))
      : [full]
    for (const file of files) {
      if (!(await stat(file)).isFile()) continue
      hash.update(`${file}\0`).update(await readFile(file))
    }
  }
  return hash.digest("hex")
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")

/** What was made of sources that have changed since is never asked for again. */
async function forgetOld() {
  for (const folder of [store, configs])
    for (const name of await readdir(folder)) {
      const path = join(folder, name)
      const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now())
      if (age > 3_600_000) await rm(path, { recursive: true, force: true })
    }
}
