import { defineConfig } from "vitest/config"

// biome-ignore lint/style/noDefaultExport: vitest asks for one
export default defineConfig({
  test: { include: ["test/deployed/*.check.ts"], testTimeout: 300_000, hookTimeout: 60_000 },
})
