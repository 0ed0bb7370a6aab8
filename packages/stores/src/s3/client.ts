import type { IncomingHttpHeaders } from "node:http"
import { quoted } from "@imgmigrator/core/outcome"
import { storeUri } from "@imgmigrator/core/store-ref"
import { type Answer, type Ask, type Collected, collect, exchange } from "../http/exchange.ts"
import { isStale, transportFault } from "../http/faults.ts"
import { guardedAgent } from "../http/guard.ts"
import { readSome } from "../read-all.ts"
import type { StoreSettings } from "../settings.ts"
import { credentialsFor, endpointOf, type S3Ref } from "./endpoint.ts"
import { type About, type Refusal, refusalOf, s3Fault } from "./faults.ts"
import { emptyHash, encodeKey, signer } from "./sign.ts"

export type Request = {
  readonly method: Ask["method"]
  /** Relative to the store's prefix; absent: the bucket. */
  readonly key?: string
  /** Encoded and sorted. */
  readonly query?: string
  readonly headers?: readonly string[]
  readonly body?: Buffer
  /** Of the body in hex, or `UNSIGNED-PAYLOAD`. */
  readonly payload?: string
  readonly signal?: AbortSignal | undefined
}

type Refused = { readonly refusal: Refusal; readonly status: number; readonly headers: IncomingHttpHeaders }
export type Client = Awaited<ReturnType<typeof openClient>>

/** Signed requests to one bucket, over one pool of connections. */
export async function openClient(ref: S3Ref, settings: StoreSettings) {
  const credentials = await credentialsFor(ref, settings)
  const endpoint = endpointOf(ref, settings, credentials)
  const agent = guardedAgent(settings)
  const sign = credentials && signer(endpoint.host, endpoint.region, credentials)
  const name = storeUri(ref)
  const bucketPath = endpoint.base.slice(0, -1) || "/"
  const prefixPath = endpoint.base + encodeKey(ref.prefix)
  let skew = 0
  let told: { readonly date: string; readonly at: number; ahead?: number } | undefined

  function prepare({
    method,
    key,
    query = "",
    headers = [],
    body,
    payload = emptyHash,
    signal,
  }: Request): Ask {
    const path = key === undefined ? bucketPath : prefixPath + encodeKey(key)
    const signed = sign?.({ method, path, query, headers, payload }, Date.now() + skew) ?? [...headers]
    return {
      origin: endpoint.origin,
      method,
      path: query ? `${path}?${query}` : path,
      headers: signed,
      ...(body && { body }),
      signal,
    }
  }

  /** Tried again at once where a kept connection had just been closed, or where only our clock was wrong. */
  async function attempt<T extends Answer | Collected>(
    request: Request,
    run: (ask: Ask) => Promise<T>,
    refused: (answer: T) => Promise<Refused>,
  ): Promise<T | Refused> {
    for (let tries = 1; ; tries++) {
      let answer: T
      try {
        answer = await run(prepare(request))
      } catch (error) {
        if (tries === 1 && isStale(error) && !request.signal?.aborted) continue
        throw transportFault(error, "store.unreachable", name, "store")
      }
      if (answer.headers.date) told = { date: answer.headers.date, at: Date.now() }
      if (answer.status < 300) return answer
      const { refusal, ...rest } = await refused(answer)
      if (refusal.code !== "RequestTimeTooSkewed" || refusal.time === undefined || tries > 1)
        return { refusal, ...rest }
      skew = refusal.time - Date.now()
    }
  }

  return {
    ref,
    name,
    endpoint,
    credentials: ref.credentials,
    /** What was found out about the server meanwhile. */
    habits: { checksums: true },
    about: (side: About["side"], key?: string): About => ({
      side,
      what: key === undefined ? name : quoted(key),
      store: name,
    }),

    /** The answer as it begins; a refusal is read to its end. */
    open: (request: Request): Promise<Answer | Refused> =>
      attempt(
        request,
        (ask) => exchange(agent, ask),
        async ({ status, headers, body }) => {
          const text = await readSome(body).catch(() => Buffer.alloc(0))
          return { status, headers, refusal: refusalOf(status, headers, text.toString()) }
        },
      ),

    /** The whole answer, of at most `limit` bytes. */
    collect: (request: Request, limit?: number): Promise<Collected | Refused> =>
      attempt(
        request,
        (ask) => collect(agent, ask, limit),
        async ({ status, headers, bytes }) => ({
          status,
          headers,
          refusal: refusalOf(status, headers, bytes.toString()),
        }),
      ),

    /** How far its clock is ahead of ours, in ms, by its last answer; good to about a second. */
    skew: () => {
      if (!told) return 0
      told.ahead ??= Date.parse(told.date) - told.at || 0
      return told.ahead
    },

    close: () => agent.destroy(),
  }
}

/** The answer, or the Fault that its refusal means. */
export function accepted<T extends object>(answer: T | Refused, about: About): T {
  if ("refusal" in answer) throw s3Fault(answer.refusal, about)
  return answer
}
