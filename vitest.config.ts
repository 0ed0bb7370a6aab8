import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

/** Files that leave nothing behind in their process, neither settings nor clients: they share it, which halves their cost. */
const sharing = ["s3-local", "qstash-local", "stores", "unit"].map((name) => `test/${name}/**/*.test.ts`)
/** These share the simulation's table. */
const simulated = ["test/traps/**/*.test.ts", "test/model/**/*.test.ts"]
const withRealTable = ["test/traps/memory.test.ts", "test/model/sim/table/engine.test.ts"]

export default defineConfig({
  test: {
    pool: "forks",
    // One more than the two cores that this is meant for: many files wait for processes that they started.
    maxWorkers: 3,
    setupFiles: ["test/support/secrets-setup.ts"],
    // Far above what anything takes: a busy machine is no failure, only what never comes.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 240_000 } },
    reporters: ["default", "./test/support/summary-reporter.ts"],
    // Programs that tests start are stripped of their types and compiled once, not each time: half of what a start costs.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL("node_modules/.cache/compiled", import.meta.url)) },
    projects: [
      {
        extends: true,
        test: {
          name: "alone",
          include: ["test/!(s3-local|qstash-local|stores|unit|traps|model)/**/*.test.ts", ...withRealTable],
        },
      },
      { extends: true, test: { name: "sharing", include: sharing, isolate: false } },
      {
        extends: true,
        test: { name: "simulated", include: simulated, exclude: withRealTable, isolate: false },
      },
    ],
  },
})
