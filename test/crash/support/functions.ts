import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { type BuildOptions, build } from "esbuild"
import type { Invocation } from "../../../packages/local/src/gateway/invoke.ts"
import { createPool, type Pool } from "../../../packages/local/src/workers/pool.ts"

export type FunctionName = keyof typeof import("./entries.ts")

export type Functions = {
  run(name: FunctionName, event: unknown, requestId: string, gone: AbortSignal): Promise<Invocation>
  /** A process that is ready before it is needed. */
  warm(name: FunctionName): void
  close(): Promise<void>
}

const ours = (path: string) => join(import.meta.dirname, path)

/** The functions, what runs them and what watches them, a file each, so that they start sooner. */
export async function bundleFunctions(folder: string) {
  const one = (path: string, options: BuildOptions = {}) =>
    build({
      entryPoints: [ours(path)],
      outdir: folder,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      platform: "node",
      format: "esm",
      target: "es2024",
      mainFields: ["module", "main"],
      minifyWhitespace: true,
      minifySyntax: true,
      banner: {
        js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
      },
      logLevel: "silent",
      ...options,
    })
  await Promise.all([
    one("entries.ts"),
    one("watch/preload.ts"),
    // What it runs is in the first of them.
    one("../../../packages/local/src/workers/worker.ts", {
      external: ["api/*", "webhooks/*", "sweeper", "worker"].map((each) => `@imgmigrator/functions/${each}`),
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
          CRASH_HANDLER: url("entries.mjs"),
          NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --import=${url("preload.mjs")}`,
        },
        program: join(folder, "worker.mjs"),
        log: process.env.DEBUG_CRASH ? console.error : () => {},
      })
    pools.set(name, pool)
    return pool
  }
  return {
    run: (name, event, requestId, gone) =>
      poolOf(name).run(
        { handler: `${url("entries.mjs")}#${name}`, event, requestId, memoryMb: 1_024, timeoutMs: 300_000 },
        gone,
      ),
    warm: (name) => poolOf(name).warm(),
    close: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.close(0)))
    },
  }
}
