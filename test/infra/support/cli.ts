import { createServer, type IncomingMessage } from "node:http"
import { join } from "node:path"
import { json as readJson } from "node:stream/consumers"
import * as z from "zod"
import { platform, root } from "../../../infra/scripts/platform.ts"
import { bundleHandler } from "./bundle.ts"
import type { Build, SynthRequest } from "./plan.ts"

const Call = z.object({ method: z.string(), params: z.tuple([z.unknown()]) })

const BuildInput = z.object({
  functionID: z.string(),
  handler: z.string(),
  encryptionKey: z.string(),
  links: z.record(z.string(), z.record(z.string(), z.unknown())),
  properties: z.looseObject({
    minify: z.boolean().default(false),
    esbuild: z.object({ external: z.array(z.string()).default([]) }).default({ external: [] }),
  }),
})

/** The part of the SST CLI that the platform calls while it is evaluated. */
export async function startCli(request: SynthRequest, builds: Build[]) {
  const answers: Record<string, (input: unknown) => unknown> = {
    "Provider.Aws.Bootstrap": () => ({
      asset: "sst-asset-mock",
      state: "sst-state-mock",
      assetEcrRegistryId: "123456789012",
      assetEcrUrl: "123456789012.dkr.ecr.us-east-1.amazonaws.com/sst-asset",
    }),
    "Runtime.Build": (input) => build(request, builds, input),
  }
  const server = createServer(async (req, res) => {
    const { method, params } = Call.parse(await body(req))
    const answer = await Promise.resolve(answers[method]?.(params[0]))
      .then((result) => (result === undefined ? { error: `rpc: can't find method ${method}` } : { result }))
      .catch((error: unknown) => ({ error: String(error) }))
    // An idle connection would keep the process from ending.
    res
      .writeHead(200, { "content-type": "application/json", connection: "close" })
      .end(JSON.stringify(answer))
  })
  server.listen(0, "127.0.0.1")
  await new Promise((resolve) => server.once("listening", resolve))
  server.unref()
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  const paths = { home: request.work, root, work: request.work, platform }
  return { url: `http://127.0.0.1:${address.port}`, paths }
}

const body = (req: IncomingMessage): Promise<unknown> => readJson(req)

async function build(request: SynthRequest, builds: Build[], raw: unknown) {
  const input = BuildInput.parse(raw)
  const out = join(request.work, "artifacts", `${input.functionID}-src`)
  const { errors, bytes, packages } = await bundleHandler({
    handler: input.handler,
    minify: input.properties.minify,
    external: input.properties.esbuild.external,
    links: input.links,
    encryptionKey: input.encryptionKey,
    cache: request.bundles,
    out,
  })
  builds.push({
    functionID: input.functionID,
    handler: input.handler,
    out,
    bytes,
    packages,
    links: input.links,
  })
  const name = input.handler.split(".").at(-1)
  return { handler: `bundle.${name}`, out, errors, sourcemaps: [] }
}
