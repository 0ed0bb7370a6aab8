import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/support/secrets-setup.ts"],
    pool: "forks",
    // One more than the two cores that this is meant for: many files wait for processes that they started.
    maxWorkers: 3,
    // Far above what anything takes: a busy machine is no failure, only what never comes.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 240_000 } },
    reporters: ["default", "./test/support/summary-reporter.ts"],
    // Programs that tests start are stripped of their types and compiled once, not each time: half of what a start costs.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL("node_modules/.cache/compiled", import.meta.url)) },
  },
})
