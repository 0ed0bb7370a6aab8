import { execFileSync, spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import * as z from "zod"
import { contextFilter, stagesOf } from "./dockerfile.ts"

const root = join(import.meta.dirname, "../../..")
const install = "npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund"

const Lock = z.object({
  packages: z.record(
    z.string(),
    z.object({
      dev: z.boolean().optional(),
      optional: z.boolean().optional(),
      devOptional: z.boolean().optional(),
      link: z.boolean().optional(),
      resolved: z.string().optional(),
      bin: z.record(z.string(), z.string()).optional(),
    }),
  ),
})

export type Image = {
  /** Where its file system begins. */
  readonly at: string
  readonly env: Readonly<Record<string, string>>
  readonly user: string
  readonly command: readonly string[]
  readonly healthcheck: readonly string[]
}

/** Follow the Dockerfile's steps in a folder, without Docker; any step that is not known fails. */
export function buildImage(folder: string): Image {
  const stages = stagesOf(readFileSync(join(root, "Dockerfile"), "utf8"))
  const isKept = contextFilter(readFileSync(join(root, ".dockerignore"), "utf8"))
  const names = new Map<string, string>()
  let image: Image = { at: "", env: {}, user: "root", command: [], healthcheck: [] }
  for (const [index, stage] of stages.entries()) {
    const at = join(folder, `stage-${index}`)
    image = { at, env: {}, user: "root", command: [], healthcheck: [] }
    const workdir = join(at, stage.find(({ name }) => name === "WORKDIR")?.rest ?? "/")
    for (const { name, rest } of stage) {
      if (name === "FROM") names.set(/ AS (\w+)$/.exec(rest)?.[1] ?? "", at)
      else if (name === "WORKDIR") mkdirSync(join(at, rest), { recursive: true })
      else if (name === "COPY") copy(rest, workdir)
      else if (name === "RUN" && rest === install) installLocked(workdir)
      else if (name === "ENV") image = { ...image, env: variables(rest) }
      else if (name === "USER") image = { ...image, user: rest }
      else if (name === "CMD") image = { ...image, command: words(rest) }
      else if (name === "HEALTHCHECK") image = { ...image, healthcheck: words(rest.replace(/^.*? CMD /, "")) }
      else if (name !== "EXPOSE" && name !== "STOPSIGNAL") throw new Error(`Unknown step: ${name} ${rest}`)
    }
  }
  return image

  function copy(rest: string, workdir: string): void {
    const [, stage] = /^--from=(\w+) /.exec(rest) ?? []
    const paths = rest.replace(/^--from=\w+ /, "").split(" ")
    const target = paths.pop() ?? ""
    for (const path of paths) {
      if (stage !== undefined) {
        link([`${join(names.get(stage) ?? "", path)}/.`], join(workdir, target))
        continue
      }
      const to = join(workdir, target, /\.json$/.test(path) ? path.replace(/^.*\//, "") : "")
      cpSync(join(root, path), to, { recursive: true, filter: (each) => isKept(relative(root, each)) })
    }
  }
}

/** As a copy, but of names only, where the file system allows that. */
function link(from: readonly string[], to: string, ...options: readonly string[]): void {
  const args = [...options, ...from, to]
  if (spawnSync("cp", ["-al", ...args], { cwd: root }).status !== 0)
    execFileSync("cp", ["-a", ...args], { cwd: root })
}

/** What npm would install by the lock file, taken from what it has installed here. */
function installLocked(workdir: string): void {
  const { packages } = Lock.parse(JSON.parse(readFileSync(join(workdir, "package-lock.json"), "utf8")))
  const wanted: string[] = []
  for (const [path, { dev, optional, devOptional, link: isLink, resolved = "" }] of Object.entries(
    packages,
  )) {
    if (!path.includes("node_modules/") || dev || optional || devOptional) continue
    if (!isLink) {
      // Packages within packages come along with these.
      if (!wanted.some((each) => path.startsWith(`${each}/`))) wanted.push(path)
      continue
    }
    const target = join(workdir, path)
    mkdirSync(dirname(target), { recursive: true })
    symlinkSync(relative(dirname(target), join(workdir, resolved)), target)
    for (const [name, file] of Object.entries(packages[resolved]?.bin ?? {})) {
      if (!existsSync(join(target, file))) continue
      mkdirSync(join(workdir, "node_modules/.bin"), { recursive: true })
      symlinkSync(
        join("..", path.replace("node_modules/", ""), file),
        join(workdir, "node_modules/.bin", name),
      )
    }
  }
  link(wanted, workdir, "--parents")
}

const words = (json: string) => z.array(z.string()).parse(JSON.parse(json))

const variables = (rest: string) =>
  Object.fromEntries([...rest.matchAll(/(\w+)=(\S+)/g)].map(([, name = "", value = ""]) => [name, value]))

/** Node, where a user without rights may run it. */
export function putNode(folder: string): string {
  const from = join(root, "node_modules/node/bin/node")
  link([from], join(folder, "node"))
  return folder
}
