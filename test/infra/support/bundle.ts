import { createCipheriv, createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { copyFile, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { basename, dirname, join, relative } from "node:path"
import { type BuildOptions, build } from "esbuild"
import * as z from "zod"
import { root } from "../../../infra/scripts/platform.ts"
import { jobs, routes } from "../../../packages/functions/src/routes.ts"

export type HandlerBundle = {
  /** As in the plan: the file without its ending, a dot, the export. */
  readonly handler: string
  readonly minify: boolean
  readonly external: readonly string[]
  readonly links: Readonly<Record<string, unknown>>
  /** Base64, 32 bytes. */
  readonly encryptionKey: string
  /** Where bundles of the same sources are kept. */
  readonly cache: string
  readonly out: string
}

/** What `Runtime.Build` of the SST CLI makes for a Node function: bundle.mjs, and the links encrypted beside it. */
export async function bundleHandler(wanted: HandlerBundle) {
  const [, file = "", name = ""] = /^(.+)\.(\w+)$/.exec(wanted.handler) ?? []
  if (!existsSync(join(root, `${file}.ts`)))
    return { errors: [`Handler not found: ${wanted.handler}`], bytes: 0, packages: [] }
  try {
    const { path, packages } = await bundledFile(`${file}.ts`, name, wanted)
    await mkdir(wanted.out, { recursive: true })
    const bundle = join(wanted.out, "bundle.mjs")
    await copyFile(path, bundle)
    await writeFile(join(wanted.out, "resource.enc"), encrypted(wanted.links, wanted.encryptionKey))
    return { errors: [], bytes: (await stat(bundle)).size, packages }
  } catch (error) {
    return { errors: [`${wanted.handler}: ${error}`], bytes: 0, packages: [] }
  }
}

/** Written beside each bundle: what it exports, and the npm packages in it. */
const Facts = z.object({ exports: z.array(z.string()), packages: z.array(z.string()) })

const known = [...routes, ...jobs].map(({ handler }) => handler.replace(/\.\w+$/, ".ts"))
let all: Promise<unknown> | undefined

/** The bundle of a source, made together with all others: one parse of what they share. */
async function bundledFile(source: string, name: string, { cache, minify, external }: HandlerBundle) {
  const folder = join(cache, sha256(JSON.stringify({ minify, external })).slice(0, 16))
  const path = join(folder, source.replace(/\.ts$/, ".mjs"))
  if (known.includes(source) && !existsSync(path)) {
    all ??= bundle(known, folder, { minify, external })
    // Where another one cannot be built, this one may.
    await all.catch(() => undefined)
  }
  if (!existsSync(path)) await bundle([source], folder, { minify, external })
  const { exports, packages } = Facts.parse(JSON.parse(await readFile(`${path}.json`, "utf8")))
  if (!exports.includes(name)) throw new Error(`${basename(source)} exports no ${name}`)
  return { path, packages }
}

/** The options of SST 4.17.1's builder for nodejs24.x, as its output shows them. */
const asSst = {
  bundle: true,
  platform: "node",
  format: "esm",
  target: "es2024",
  mainFields: ["module", "main"],
  external: ["sharp", "pg-native"],
  keepNames: true,
  logLevel: "silent",
} satisfies BuildOptions

const banner = [
  "import { createRequire as topLevelCreateRequire } from 'module';",
  "const require = topLevelCreateRequire(import.meta.url);",
  'import { fileURLToPath as topLevelFileUrlToPath, URL as topLevelURL } from "url"',
  "const __filename = topLevelFileUrlToPath(import.meta.url)",
  'const __dirname = topLevelFileUrlToPath(new topLevelURL(".", import.meta.url))',
].join("\n")

/** Into a folder of its own first: another process may be making the same. */
async function bundle(
  sources: readonly string[],
  folder: string,
  { minify, external }: Pick<HandlerBundle, "minify" | "external">,
) {
  const mine = `${folder}.${process.pid}`
  try {
    const { metafile } = await build({
      ...asSst,
      metafile: true,
      entryPoints: sources.map((source) => join(root, source)),
      outbase: root,
      outdir: mine,
      outExtension: { ".js": ".mjs" },
      banner: { js: banner },
      minify,
      external: [...asSst.external, ...external],
    })
    for (const source of sources) {
      const file = source.replace(/\.ts$/, ".mjs")
      const { exports = [], inputs = {} } = metafile.outputs[relative(process.cwd(), join(mine, file))] ?? {}
      const facts = { exports, packages: packagesOf(Object.keys(inputs)) }
      await mkdir(dirname(join(folder, file)), { recursive: true })
      await writeFile(join(mine, `${file}.json`), JSON.stringify(facts))
      await rename(join(mine, `${file}.json`), join(folder, `${file}.json`))
      await rename(join(mine, file), join(folder, file))
    }
  } finally {
    await rm(mine, { recursive: true, force: true })
  }
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")

const packagesOf = (inputs: readonly string[]): readonly string[] =>
  [
    ...new Set(inputs.flatMap((input) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? [])),
  ].sort()

/** As `sst/resource` reads it: AES-256-GCM, a nonce of zeros (the key is used once), the tag at the end. */
export function encrypted(links: Readonly<Record<string, unknown>>, key: string): Buffer {
  const cipher = createCipheriv("aes-256-gcm", Buffer.from(key, "base64"), Buffer.alloc(12))
  return Buffer.concat([cipher.update(JSON.stringify(links)), cipher.final(), cipher.getAuthTag()])
}
