import { readFileSync, writeFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { build } from "esbuild"
import { type QStash, startQStash } from "qstash-local"
import { dispatcher } from "../../../packages/functions/src/dispatch/index.ts"
import { systemClock, type World } from "../../../packages/functions/src/jobs/world.ts"
import { routes } from "../../../packages/functions/src/routes.ts"
import { startGateway } from "../../../packages/local/src/gateway/gateway.ts"
import { createPool, type Pool } from "../../../packages/local/src/workers/pool.ts"
import { startDynamo } from "../../support/dynamodb.ts"
import { type Control, controlFile, type Line, linesFile } from "./control.ts"
import { type LeapingClock, leapingClock } from "./leaping-clock.ts"

const root = new URL("../../../", import.meta.url).pathname

export type Stage = {
  readonly folder: string
  readonly clock: LeapingClock
  readonly qstash: QStash
  readonly world: World
  /** Tell the workers, from their next call on; what they told before is forgotten. */
  tell(control: Omit<Control, "ahead">): void
  /** Let time go by; what falls due begins. */
  leap(ms: number): void
  /** Everything the workers have told since. */
  lines(): readonly Line[]
  /** Called when a worker has died at its work, before anything goes on. */
  onDeath(run: () => Promise<void>): void
  close(): Promise<void>
}

/**
 * All that is around a worker, for real: DynamoDB, QStash, the gateway in front, and processes of the local service's pool
 * that run the deployed bundle. Only the clock leaps, for all of them alike.
 */
export async function startStage(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), "imgmigrator-crash-"))
  const clock = leapingClock()
  const [dynamo, qstash] = await Promise.all([
    startDynamo(),
    startQStash({ port: 0, clock }),
    bundle(join(folder, "worker.mjs")),
  ])
  let control: Omit<Control, "ahead"> = { places: {} }
  let isDead: () => Promise<void> = async () => {}
  const lines = (): Line[] =>
    readFileSync(join(folder, linesFile), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line))
  const write = () => {
    const now: Control = { ...control, ahead: clock.ahead() }
    writeFileSync(join(folder, controlFile), JSON.stringify(now))
  }

  let pool: Pool | undefined
  const gateway = await startGateway({
    host: "127.0.0.1",
    port: 0,
    routes: routes.filter(({ access }) => access === "qstash"),
    invoke: async (_route, event, requestId, gone) => {
      write()
      const call = {
        handler: `${handlerIn(folder)}#handler`,
        event,
        requestId,
        memoryMb: 1_024,
        timeoutMs: 300_000,
      }
      const invocation = (await pool?.run(call, gone)) ?? { failed: "error" as const }
      clock.leapTo(Math.max(0, ...lines().map(({ ahead = 0 }) => ahead)))
      // Whoever comes next is not to die of it again.
      const { point: _met, ...rest } = control
      if (lines().some(({ at }) => at === "killed")) control = rest
      if ("failed" in invocation && invocation.failed === "crashed") {
        pool?.warm()
        await isDead()
      }
      return invocation
    },
    authorizer: async () => ({ failed: "error" }),
  })
  const workers = {
    BASE_URL: gateway.url,
    IMGMIGRATOR_LOCAL: "1",
    POWERTOOLS_LOG_LEVEL: process.env.DEBUG_CRASH ? "INFO" : "SILENT",
    QSTASH_URL: qstash.url,
    QSTASH_TOKEN: qstash.token,
    QSTASH_CURRENT_SIGNING_KEY: qstash.currentSigningKey,
    QSTASH_NEXT_SIGNING_KEY: qstash.nextSigningKey,
    QSTASH_PLAN: "payg",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local-secret",
  }
  Object.assign(process.env, workers)
  pool = createPool({
    // One at work, and one that is ready when it dies.
    size: 2,
    env: {
      ...process.env,
      CRASH_FOLDER: folder,
      CRASH_HANDLER: handlerIn(folder),
      NODE_OPTIONS: `--import=${new URL("watch/preload.ts", import.meta.url).href}`,
    },
    log: process.env.DEBUG_CRASH ? console.error : () => {},
  })
  pool.warm()
  pool.warm()
  return {
    folder,
    clock,
    qstash,
    world: {
      clock: { now: clock.now, sleep: systemClock.sleep },
      random: Math.random,
      dispatcher,
      open: () => Promise.reject(new Error("Only the workers have to do with stores.")),
    },
    tell: (told) => {
      control = told
      writeFileSync(join(folder, linesFile), "")
    },
    leap: (ms) => clock.leapTo(clock.ahead() + ms),
    lines,
    onDeath: (run) => {
      isDead = run
    },
    close: async () => {
      await pool.close(0)
      await gateway.close()
      await qstash.close()
      await dynamo.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const handlerIn = (folder: string) => pathToFileURL(join(folder, "worker.mjs")).href

/** The worker as it is deployed, in one file: it starts in half the time. */
async function bundle(outfile: string) {
  await build({
    entryPoints: [join(root, "packages/functions/src/worker.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "es2024",
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: "silent",
  })
}
