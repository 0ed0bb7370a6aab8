import { cpSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { recordFile, root } from "./bin/built.js"

// Makes dist/, the command line and its workers in a few files of JavaScript: they start with two thirds of the CPU that
// the sources and their dependencies take, module by module. npm runs it once all is installed.

const esbuild = await import("esbuild").catch(() => undefined)
if (!esbuild) {
  console.log("esbuild is not installed: imgmigrator runs from its sources.")
  process.exit(0)
}
const { resolve } = createRequire(import.meta.url)
const path = (name) => fileURLToPath(new URL(name, import.meta.url))

rmSync(path("dist"), { recursive: true, force: true })
const { metafile } = await esbuild.build({
  absWorkingDir: root,
  entryPoints: [path("src/main.ts"), resolve("@imgmigrator/local/workers/worker")],
  entryNames: "[name]",
  outdir: path("dist"),
  bundle: true,
  splitting: true,
  platform: "node",
  format: "esm",
  target: "node22",
  // Modules of ECMAScript where a dependency has both: only those keep their names where it loads parts of itself later.
  mainFields: ["module", "main"],
  minifyWhitespace: true,
  minifySyntax: true,
  alias: { "qstash-local": path("../qstash-local/src/index.ts") },
  // Loaded by those only who use a broker.
  external: ["@redis/client", "amqplib"],
  // What is CommonJS among the dependencies asks for Node's own modules by it.
  banner: {
    js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
  },
  metafile: true,
  logLevel: "warning",
})
cpSync(path("../qstash-local/src/page"), path("dist/page"), { recursive: true })
const sources = Object.keys(metafile.inputs).filter((file) => !file.includes("node_modules/"))
writeFileSync(recordFile, JSON.stringify(sources))
