import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import { LongestFirst } from "./test/support/longest-first.ts"
import { memoryFolder } from "./test/support/memory-folder.ts"

/** These share the simulation's table, which the others must not find in the place of theirs. */
const simulated = ["test/traps/**/*.test.ts", "test/model/**/*.test.ts"]
/** It tells its process under which name AWS serves it, which a process keeps for life. */
const alone = ["test/api/settings.test.ts"]
const withRealTable = ["test/traps/memory.test.ts", "test/model/sim/table/engine.test.ts"]

// malloc in pages of 2 MB, for the test processes and all that they start: takes a tenth off the CPU, by fewer page faults (glibc's
// manual, "Memory Allocation Tunables"). Other systems ignore it.
process.env.GLIBC_TUNABLES ??= "glibc.malloc.hugetlb=1"
const folder = memoryFolder()
if (folder) process.env.TMPDIR = folder

export default defineConfig({
  test: {
    pool: "forks",
    // One more than the cores that this is meant for: files wait for processes that they start; with more, all slow each other down.
    maxWorkers: 3,
    // Files share a process, which halves their cost: each begins with the settings that the process was started with.
    isolate: false,
    globalSetup: ["test/support/built-setup.ts", "test/support/memory-folder.ts"],
    setupFiles: ["test/support/environment-setup.ts", "test/support/secrets-setup.ts"],
    sequence: { setupFiles: "list", sequencer: LongestFirst },
    // Far above what anything takes: a busy machine is no failure, only what never comes.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 240_000 } },
    reporters: ["default", "./test/support/summary-reporter.ts"],
    // As many helpers of V8 as there are cores, not four in each of a dozen processes.
    execArgv: ["--v8-pool-size=0"],
    env: {
      // Programs that tests start are stripped of their types and compiled once, not each time: half of what a start costs.
      NODE_COMPILE_CACHE: fileURLToPath(new URL("node_modules/.cache/compiled", import.meta.url)),
      NODE_OPTIONS: "--v8-pool-size=0",
    },
    projects: [
      { extends: true, test: { name: "alone", include: alone, isolate: true } },
      {
        extends: true,
        test: {
          name: "real",
          include: ["test/!(traps|model)/**/*.test.ts", ...withRealTable],
          exclude: alone,
        },
      },
      {
        extends: true,
        test: {
          name: "simulated",
          include: simulated,
          exclude: withRealTable,
          env: { TABLE_NAME: "simulated", POWERTOOLS_LOG_LEVEL: "SILENT" },
        },
      },
    ],
  },
})
