import { readFile, rename, writeFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"

// In the workspace the package's entry is its source; in a package it is dist/. npm has no setting for that, so
// `prepack` swaps the manifest and `postpack` puts it back.

const manifest = fileURLToPath(new URL("../package.json", import.meta.url))
const aside = `${manifest}.aside`

if (process.argv[2] === "restore") await rename(aside, manifest)
else {
  const text = await readFile(manifest, "utf8")
  await writeFile(aside, text)
  const { scripts: _, ...packed } = JSON.parse(text)
  packed.exports = { ".": { types: "./dist/index.d.ts", default: "./dist/index.js" } }
  await writeFile(manifest, `${JSON.stringify(packed, null, 2)}\n`)
}
