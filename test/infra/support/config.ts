import { createHash, randomUUID } from "node:crypto"
import { existsSync } from "node:fs"
import { readFile, rename } from "node:fs/promises"
import { join } from "node:path"
import { build, type Plugin } from "esbuild"
import { platform, root } from "../../../infra/scripts/platform.ts"
import type { SynthRequest } from "./plan.ts"

/** What the SST CLI leaves to the platform's own node_modules; above all there must be one Pulumi only. */
const external = [
  "@pulumi/*",
  "@pulumiverse/*",
  "@aws-sdk/*",
  "@smithy/*",
  "undici",
  "archiver",
  "glob",
  "esbuild",
  "vite",
]

/** Inside the platform's folder, so that what is external is found. */
export const configs = join(platform, "plans")

/**
 * sst.config.ts as one file inside the platform's folder. `app` is evaluated first, before the platform may load:
 * its modules read `$app`. `run` has what the CLI makes global: `sst`, `aws`, and the `$` helpers.
 */
export async function bundleConfig(request: SynthRequest, part: "app" | "run"): Promise<string> {
  const { sources, plant } = request
  const name = createHash("sha256")
    .update(JSON.stringify([sources, plant, part]))
    .digest("hex")
  const path = join(configs, `${name.slice(0, 24)}.mjs`)
  if (existsSync(path)) return path
  const outfile = `${path}.${randomUUID()}`
  const config = JSON.stringify(join(root, "sst.config.ts"))
  const entry =
    part === "app"
      ? `export { default } from ${config}`
      : `import { run } from "./src/auto/run.ts"; import config from ${config}; export const program = () => run(config.run)`
  await build({
    stdin: { contents: entry, resolveDir: platform, loader: "ts" },
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node22",
    logLevel: "silent",
    external,
    plugins: [projectFiles(request, part)],
    ...(part === "run" && { inject: [join(platform, "src/shim/run.js")] }),
    banner: {
      js: [
        'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);',
        ...(part === "app" ? ["const $config = (input) => input;"] : []),
      ].join("\n"),
    },
  })
  await rename(outfile, path)
  return path
}

const globals = [
  `import * as sst from ${JSON.stringify(join(platform, "src/components/index.ts"))};`,
  'import * as aws from "@pulumi/aws";',
].join("")

/** The project's own files get the provider globals, and the mistakes that a test plants in them. */
const projectFiles = ({ plant }: SynthRequest, part: "app" | "run"): Plugin => ({
  name: "project-files",
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (path.includes("/node_modules/") || path.startsWith(platform)) return undefined
      const source = plant
        .filter((mistake) => join(root, mistake.file) === path)
        .reduce(planted, await readFile(path, "utf8"))
      return { contents: (part === "run" ? globals : "") + source, loader: "ts" }
    })
  },
})

function planted(source: string, { file, find, replace }: SynthRequest["plant"][number]): string {
  if (source.split(find).length !== 2) throw new Error(`"${find}" is not in ${file} exactly once`)
  return source.replace(find, () => replace)
}
