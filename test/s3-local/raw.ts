import { Agent, request as httpRequest } from "node:http"
import { AwsV4Signer } from "aws4fetch"
import type { S3 } from "../../packages/s3-local/src/index.ts"

export type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
  /** The `<Code>` of an S3 error; empty where there is none. */
  readonly code: string
}

export type Ask = {
  readonly method?: string
  /** From the first slash on, encoded. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly body?: Buffer | string
}

const shared = new Agent({ keepAlive: true, timeout: 1000 })

/** Sends a request exactly as told, whatever it is worth. */
export function send(
  s3: Pick<S3, "port">,
  { method = "GET", path, headers = {}, body }: Ask,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { host: "127.0.0.1", port: s3.port, method, path, headers, agent: shared },
      (response) => {
        const chunks: Buffer[] = []
        response.on("data", (chunk: Buffer) => chunks.push(chunk))
        response.on("error", reject)
        response.on("end", () => {
          const whole = Buffer.concat(chunks)
          const code = /<Code>(.*?)<\/Code>/.exec(whole.toString())?.[1] ?? ""
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: whole,
            code,
          })
        })
      },
    )
    outgoing.on("error", reject)
    // As bytes: with a string, Node would send the headers in UTF-8 too.
    outgoing.end(body === undefined ? undefined : Buffer.from(body))
  })
}

export type Signing = {
  readonly secretAccessKey?: string
  readonly accessKeyId?: string
  readonly region?: string
  readonly service?: string
  /** `20261124T041500Z` */
  readonly datetime?: string
  /** In the query, good for this many seconds. */
  readonly presigned?: number
}

/** Signs a request with aws4fetch, an implementation that is not ours. */
export async function signed(s3: S3, ask: Ask, signing: Signing = {}): Promise<Ask> {
  const query = signing.presigned !== undefined
  const url = new URL(`${s3.url}${ask.path}`)
  if (query) url.searchParams.set("X-Amz-Expires", String(signing.presigned))
  const signer = new AwsV4Signer({
    url: url.href,
    method: ask.method ?? "GET",
    headers: Object.entries(ask.headers ?? {}).map(([name, value]): [string, string] => [
      name,
      String(value),
    ]),
    accessKeyId: signing.accessKeyId ?? s3.accessKeyId,
    secretAccessKey: signing.secretAccessKey ?? s3.secretAccessKey,
    region: signing.region ?? s3.region,
    service: signing.service ?? "s3",
    ...(signing.datetime && { datetime: signing.datetime }),
    signQuery: query,
  })
  const result = await signer.sign()
  return {
    ...ask,
    path: `${result.url.pathname}${result.url.search}`,
    headers: { ...ask.headers, ...Object.fromEntries(result.headers), host: url.host },
  }
}

export const sendSigned = async (s3: S3, ask: Ask, signing: Signing = {}) =>
  send(s3, await signed(s3, ask, signing))
