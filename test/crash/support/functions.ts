import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { type BuildOptions, build } from "esbuild"
import type { Invocation } from "../../../packages/local/src/gateway/invoke.ts"
import { createPool, type Pool } from "../../../packages/local/src/workers/pool.ts"

const sources = new URL("../../../packages/functions/src/", import.meta.url).pathname
/** Who can be killed, and what it is made of. */
const entries = { worker: "worker.ts", create: "api/create-migration.ts", sweeper: "sweeper.ts" } as const
export type FunctionName = keyof typeof entries

export type Functions = {
  run(name: FunctionName, event: unknown, requestId: string, gone: AbortSignal): Promise<Invocation>
  /** A process that is ready before it is needed. */
  warm(name: FunctionName): void
  close(): Promise<void>
}

const bundled = "functions.mjs"
const watcher = "watch.mjs"

/** The functions, bundled as they are deployed but all in one file, and what watches them: they start in half the time. */
export async function bundleFunctions(folder: string) {
  const whole: BuildOptions = { bundle: true, platform: "node", format: "esm", target: "es2024" }
  const exported = Object.entries(entries).map(
    ([name, path]) => `export { handler as ${name} } from "./${path}"`,
  )
  await Promise.all([
    build({
      ...whole,
      stdin: { contents: exported.join("\n"), resolveDir: sources },
      outfile: join(folder, bundled),
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
      },
      logLevel: "silent",
    }),
    build({
      ...whole,
      entryPoints: [join(import.meta.dirname, "watch/preload.ts")],
      outfile: join(folder, watcher),
    }),
  ])
}

/** A pool of the local service's for each, whose processes are watched. */
export function startFunctions(folder: string, env: NodeJS.ProcessEnv): Functions {
  const pools = new Map<FunctionName, Pool>()
  const url = (file: string) => pathToFileURL(join(folder, file)).href
  const poolOf = (name: FunctionName): Pool => {
    const pool =
      pools.get(name) ??
      createPool({
        // As many as a migration has lanes, and one that is ready when one of them dies.
        size: 4,
        env: {
          ...process.env,
          ...env,
          CRASH_FOLDER: folder,
          CRASH_HANDLER: url(bundled),
          NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --import=${url(watcher)}`,
        },
        log: process.env.DEBUG_CRASH ? console.error : () => {},
      })
    pools.set(name, pool)
    return pool
  }
  return {
    run: (name, event, requestId, gone) =>
      poolOf(name).run(
        { handler: `${url(bundled)}#${name}`, event, requestId, memoryMb: 1_024, timeoutMs: 300_000 },
        gone,
      ),
    warm: (name) => poolOf(name).warm(),
    close: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.close(0)))
    },
  }
}
