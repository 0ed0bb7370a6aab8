import { createServer } from "node:net"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { Fault } from "@imgmigrator/core/fault"
import { dynoxideBinary } from "./binary.ts"
import { type BoundProcess, startBound } from "./bound-process.ts"

export type Dynamo = {
  readonly endpoint: string
  /** Is it ours, with data in the state folder? Else it is whatever AWS_ENDPOINT_URL_DYNAMODB names. */
  readonly embedded: boolean
  close(): Promise<void>
}

/**
 * A DynamoDB API for the state folder: the one that AWS_ENDPOINT_URL_DYNAMODB names, else a dynoxide with its data in
 * the folder. Started again on the same port where it ends by itself. Fault `missing dynamodb.missing` where neither
 * is to be had.
 */
export async function startDynamo(folder: string, env: NodeJS.ProcessEnv = process.env): Promise<Dynamo> {
  const endpoint = env.AWS_ENDPOINT_URL_DYNAMODB?.trim()
  if (endpoint) return { endpoint, embedded: false, close: async () => {} }
  const binary = dynoxideBinary()
  if (!binary) throw none()
  const path = join(folder, "dynamodb.sqlite")
  let { server, port } = await serveSomewhere(binary, path)
  let closing = false
  const keep = async () => {
    for (;;) {
      await server.ended
      if (closing) return
      console.error(`DynamoDB (dynoxide) ended by itself and is started again. ${server.said()}`)
      server = await serve(binary, path, port).catch(() => server)
      await sleep(200)
    }
  }
  void keep()
  return {
    endpoint: `http://127.0.0.1:${port}`,
    embedded: true,
    close() {
      closing = true
      return server.end()
    },
  }
}

const none = () =>
  new Fault(
    "missing",
    "dynamodb.missing",
    `There is no local DynamoDB for ${process.platform}-${process.arch}: npm installs dynoxide on linux-x64 only. Run any DynamoDB-compatible server, for example \`java -jar DynamoDBLocal.jar -sharedDb\` from AWS, and set AWS_ENDPOINT_URL_DYNAMODB to its address.`,
  )

/** Between choosing a port and listening on it, somebody else may take it. */
async function serveSomewhere(binary: string, path: string, tries = 3) {
  const port = await freePort()
  try {
    return { port, server: await serve(binary, path, port) }
  } catch (error) {
    if (tries === 1 || !String(error).includes("in use")) throw error
    return serveSomewhere(binary, path, tries - 1)
  }
}

/** It prints its address once it listens, and ends where the port is taken. */
async function serve(binary: string, path: string, port: number): Promise<BoundProcess> {
  const server = startBound(binary, [
    "serve",
    "--host",
    "127.0.0.1",
    "--port",
    String(port),
    "--db-path",
    path,
  ])
  const outcome = await Promise.race([server.ended.then(() => "ended" as const), listening(server)])
  if (outcome === "listening") return server
  throw new Fault("unavailable", "dynamodb.failed", `The local DynamoDB did not start: ${server.said()}`)
}

function listening(server: BoundProcess): Promise<"listening"> {
  return new Promise((resolve) => {
    const poll = setInterval(() => {
      if (!/listening on/i.test(server.said())) return
      clearInterval(poll)
      resolve("listening")
    }, 5)
    server.ended.then(() => clearInterval(poll))
  })
}

/** It does not say which port it got for port 0, so one is chosen for it. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject)
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0))
    })
  })
}
