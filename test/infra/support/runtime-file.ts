import { rmSync } from "node:fs"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { transform } from "esbuild"
import { root } from "../../../infra/scripts/platform.ts"

let runtime: Promise<string> | undefined

/** Plain JavaScript, lest every start pay for the stripping of types. */
export const runtimeFile = (): Promise<string> =>
  (runtime ??= (async () => {
    const source = await readFile(new URL("runtime.ts", import.meta.url), "utf8")
    const { code } = await transform(source, { loader: "ts" })
    const folder = join(root, ".sst/runtime")
    const path = join(folder, `${process.pid}.mjs`)
    await mkdir(folder, { recursive: true })
    await writeFile(path, code)
    process.once("exit", () => rmSync(path, { force: true }))
    return path
  })())
