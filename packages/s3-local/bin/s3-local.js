#!/usr/bin/env node
import { existsSync } from "node:fs"

// A published package has dist/ only: Node strips no types under node_modules.
const source = new URL("../src/main.ts", import.meta.url)
const built = new URL("../dist/main.js", import.meta.url)
await import(process.features.typescript && existsSync(source) ? source.href : built.href)
