#!/usr/bin/env node
// Runs on any Node 18 or later, and hands over to the Node that is installed beside the project where it must.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import * as nodeModule from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { isBuilt } from "./built.js"

const here = dirname(fileURLToPath(import.meta.url))
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)

// From here on Node runs TypeScript as it stands (https://nodejs.org/api/typescript.html), but what is built starts sooner.
if (major > 22 || (major === 22 && minor >= 18)) {
  nodeModule.enableCompileCache?.()
  await import(isBuilt() ? "../dist/main.js" : "../src/main.ts")
} else handOver()

function handOver() {
  const node = installedNode(here)
  if (!node) {
    console.error(
      `imgmigrator needs Node 22.18 or later, and this is ${process.versions.node}. Run "npm ci" in the project, or install a newer Node.`,
    )
    process.exit(2)
  }
  // In a session of its own, so that Ctrl-C reaches it once: from us. Over the fourth channel it sees us end.
  const args = [join(here, "imgmigrator.js"), ...process.argv.slice(2)]
  const child = spawn(node, args, { stdio: ["inherit", "inherit", "inherit", "ipc"], detached: true })
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal))
  child.on("error", (error) => {
    console.error(`imgmigrator could not start ${node}: ${error.message}`)
    process.exit(2)
  })
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 2)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function installedNode(folder) {
  const path = join(folder, "node_modules/node/bin/node")
  if (existsSync(path)) return path
  return dirname(folder) === folder ? undefined : installedNode(dirname(folder))
}
