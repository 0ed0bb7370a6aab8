import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { signingKeys } from "./auth/canonical.ts"
import type { Context } from "./context.ts"
import { faultPath, serveFaultApi } from "./faults/api.ts"
import { type Faults, faultBox } from "./faults/faults.ts"
import { type RequestRecord, requestLog } from "./http/request-log.ts"
import { serve } from "./http/serve.ts"
import { isBucketName, makeBucket } from "./operations/buckets.ts"
import { noJournal } from "./store/journal.ts"
import { load, type Stored } from "./store/load.ts"
import { memoryDepot } from "./store/memory-depot.ts"

export type S3Options = {
  /** Default 9000; 0 takes any free port. */
  readonly port?: number
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Where to keep everything; in memory without it. */
  readonly dir?: string
  /** Default: AWS_ACCESS_KEY_ID, else `local`. */
  readonly accessKeyId?: string
  /** Default: AWS_SECRET_ACCESS_KEY, else `local-secret`. */
  readonly secretAccessKey?: string
  /** Default: AWS_SESSION_TOKEN. Requests may leave it away, but not send another. */
  readonly sessionToken?: string
  /** Default us-east-1. */
  readonly region?: string
  /** Made at the start, where they don't exist. */
  readonly buckets?: readonly string[]
  /** ms since 1970; for signatures, expiry and Last-Modified. */
  readonly now?: () => number
  /** Whether `requests` is kept; default true. A server that runs for long needs no such list. */
  readonly record?: boolean
  /** Whether faults can be switched on by HTTP too, unsigned; default false. */
  readonly faultApi?: boolean
}

export type S3 = {
  readonly url: string
  readonly port: number
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly region: string
  readonly faults: Faults
  /** Every request answered so far, in order. */
  readonly requests: readonly RequestRecord[]
  /** How many requests there were of each operation. */
  stats(): Readonly<Record<string, number>>
  close(): Promise<void>
}

/** Starts a server; rejects where the port is taken, a bucket's name is bad or `dir` can't be read. */
export async function startS3(options: S3Options = {}): Promise<S3> {
  const { env } = process
  const accessKeyId = options.accessKeyId ?? (env.AWS_ACCESS_KEY_ID || "local")
  const secretAccessKey = options.secretAccessKey ?? (env.AWS_SECRET_ACCESS_KEY || "local-secret")
  const region = options.region ?? "us-east-1"
  const host = options.host ?? "127.0.0.1"
  const stored = options.dir === undefined ? inMemory() : load(options.dir)
  const context: Context = {
    ...stored,
    region,
    accessKeyId,
    sessionToken: options.sessionToken ?? env.AWS_SESSION_TOKEN,
    signingKey: signingKeys(secretAccessKey),
    now: options.now ?? Date.now,
  }
  for (const name of options.buckets ?? []) {
    if (!isBucketName(name)) throw new Error(`"${name}" is not a bucket name.`)
    if (!stored.buckets.has(name)) makeBucket(context, name)
  }
  const faults = faultBox()
  const log = requestLog(options.record ?? true)
  const service = { context, faults, log }
  const answer = (request: IncomingMessage, response: ServerResponse) =>
    options.faultApi && request.url === faultPath
      ? void serveFaultApi(faults, request, response)
      : void serve(service, request, response)
  const server = createServer({ maxHeaderSize: 65_536, keepAliveTimeout: 120_000, requestTimeout: 0 })
  server.on("request", answer)
  server.on("checkContinue", answer)
  const port = await new Promise<number>((resolve, reject) => {
    server.once("error", reject)
    server.listen(options.port ?? 9000, host, () => resolve((server.address() as AddressInfo).port))
  })
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    port,
    accessKeyId,
    secretAccessKey,
    region,
    faults,
    requests: log.requests,
    stats: () => ({ ...log.counts }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const inMemory = (): Stored => ({ buckets: new Map(), depot: memoryDepot(), journal: noJournal })
