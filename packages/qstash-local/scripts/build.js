import { cp, rm } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

// Builds dist/: what a published package runs, since Node strips no types under node_modules.

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url))

await rm(at("dist"), { recursive: true, force: true })
await build({
  entryPoints: [at("src/main.ts"), at("src/index.ts")],
  outdir: at("dist"),
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  logLevel: "warning",
})
await cp(at("src/page"), at("dist/page"), { recursive: true })
