import { execFileSync } from "node:child_process"
import { cpSync, existsSync, rmSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

// Makes dist/ of the package that it is run in, which is what is published: JavaScript for Node 20 and later, its
// types, and the files that a page is made of.

rmSync("dist", { recursive: true, force: true })
await build({
  entryPoints: ["src/main.ts", "src/index.ts"],
  outdir: "dist",
  bundle: true,
  splitting: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20",
  logLevel: "warning",
})
if (existsSync("src/page")) cpSync("src/page", "dist/page", { recursive: true })
const tsc = fileURLToPath(import.meta.resolve("typescript/package.json")).replace(/package\.json$/, "bin/tsc")
execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], { stdio: "inherit" })
