import { existsSync } from "node:fs"

// The sources inside this repository, dist/ once published: Node strips no types under node_modules.
const source = new URL("./src/index.ts", import.meta.url)
const built = new URL("./dist/index.js", import.meta.url)
export const { startQStash, systemClock, virtualClock } = await import(
  /* @vite-ignore */ process.features.typescript && existsSync(source) ? source.href : built.href
)
