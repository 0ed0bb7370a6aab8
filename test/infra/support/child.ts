import { rename, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { platform, root } from "../../../infra/scripts/platform.ts"
import { startCli } from "./cli.ts"
import { bundleConfig } from "./config.ts"
import { call, newResource } from "./mocks.ts"
import { plain } from "./plain.ts"
import type { Planned, Resource, SynthRequest } from "./plan.ts"
import { makeReproducible } from "./reproducible.ts"

// Evaluates one stage as `sst deploy` would, with Pulumi's engine replaced by its own mocks, and writes the plan.
// A process of its own: the platform keeps its state in module globals.
const request: SynthRequest = JSON.parse(process.argv[2] ?? "")
process.chdir(root)
makeReproducible()

const require = createRequire(join(platform, "package.json"))
const pulumi: typeof import("../../../.sst/platform/node_modules/@pulumi/pulumi/index.js") =
  require("@pulumi/pulumi")

type Struct = { toJavaScript(): unknown }
type Registration = {
  getType(): string
  getName(): string
  getParent(): string
  getObject(): Struct | undefined
  getProtect(): boolean | undefined
  getRetainondelete(): boolean | undefined
  getDependenciesList(): string[]
}
type Answer = { getUrn(): string; getObject(): Struct | undefined }
/** The parts of Pulumi's mock monitor that are listened to or mended. */
type Monitor = {
  newUrn(parent: string | undefined, type: string, name: string): string
  registerResource(req: Registration, callback: (error: unknown, answer: Answer) => void): unknown
  registerResourceOutputs(
    req: { getUrn(): string; getOutputs(): Struct | undefined },
    callback: (error: unknown, answer: unknown) => void,
  ): unknown
}

const isMonitor = (value: unknown): value is Monitor =>
  typeof value === "object" && value !== null && "newUrn" in value && "registerResourceOutputs" in value

const planned: Planned = {
  stage: request.stage,
  app: {},
  resources: [],
  outputs: {},
  builds: [],
  failures: [],
}
const fail = (error: unknown) => {
  const text = error instanceof Error ? error.message : String(error)
  if (!planned.failures.includes(text)) planned.failures.push(text)
}
process.on("unhandledRejection", fail)
process.on("uncaughtException", fail)

// With the event loop empty, whatever still waits will wait for ever (outputs of what failed): the plan is complete.
process.once("beforeExit", () => void finish())

async function finish() {
  planned.resources.sort((a, b) => (a.urn < b.urn ? -1 : 1))
  await writeFile(`${request.out}.tmp`, JSON.stringify(planned))
  await rename(`${request.out}.tmp`, request.out)
  process.exit(0)
}

async function evaluate() {
  const cli = await startCli(request, planned.builds)
  const appConfig = await load("app")
  planned.app = await appConfig.default.app({ stage: request.stage })
  Object.assign(globalThis, {
    $app: { ...planned.app, stage: request.stage, providers: {}, protect: planned.app.protect ?? false },
    $dev: false,
    $cli: { command: "deploy", rpc: cli.url, paths: cli.paths, state: { version: {} } },
  })
  process.env.SST_SERVER = cli.url

  await pulumi.runtime.setMocks({ newResource, call }, String(planned.app.name), request.stage, false)
  recordRegistrations()
  const { program } = await load("run")
  planned.outputs = plain(await pulumi.runtime.runInPulumiStack(program)) ?? {}
}

const load = async (part: "app" | "run") => import(pathToFileURL(await bundleConfig(request, part)).href)

/** Mocks are not told parents and options; the monitor in front of them is. */
function recordRegistrations() {
  // MockMonitor's methods; the type of what it stands for is another's.
  const monitor: unknown = pulumi.runtime.getMonitor()
  if (!isMonitor(monitor)) throw new Error("Pulumi's mock monitor is not what it was")
  const newUrn = monitor.newUrn.bind(monitor)
  // The engine leaves the stack out of a type; links would be told a wrong one.
  monitor.newUrn = (parent, type, name) =>
    newUrn(parent?.includes("::pulumi:pulumi:Stack::") ? "" : parent, type, name)
  const registerResource = monitor.registerResource.bind(monitor)
  const registerResourceOutputs = monitor.registerResourceOutputs.bind(monitor)
  const byUrn = new Map<string, Resource>()
  monitor.registerResource = (req, callback) =>
    registerResource(req, (error, answer) => {
      if (!error) {
        const resource: Resource = {
          urn: answer.getUrn(),
          type: req.getType(),
          name: req.getName(),
          parent: req.getParent(),
          inputs: plain(req.getObject()?.toJavaScript()) ?? {},
          state: plain(answer.getObject()?.toJavaScript()) ?? {},
          outputs: {},
          protect: req.getProtect() ?? false,
          retainOnDelete: req.getRetainondelete() ?? false,
          dependsOn: req.getDependenciesList(),
        }
        byUrn.set(resource.urn, resource)
        planned.resources.push(resource)
      }
      callback(error, answer)
    })
  monitor.registerResourceOutputs = (req, callback) => {
    const resource = byUrn.get(req.getUrn())
    if (resource) resource.outputs = plain(req.getOutputs()?.toJavaScript()) ?? {}
    return registerResourceOutputs(req, callback)
  }
}

evaluate().catch(fail)
