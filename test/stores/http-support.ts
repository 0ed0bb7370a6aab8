import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { openStore, type StoreSettings } from "@imgmigrator/stores"

export type Host = {
  readonly url: string
  readonly seen: {
    readonly method: string
    readonly path: string
    readonly headers: IncomingMessage["headers"]
  }[]
  on(path: string, answer: Answerer): void
  /** Bytes as a web server gives them: ETag, Last-Modified, ranges, HEAD. */
  file(path: string, bytes: Buffer, headers?: Record<string, string>): void
  close(): Promise<void>
}
type Answerer = (request: IncomingMessage, response: ServerResponse) => void

/** A web server on this machine whose every answer a test decides. */
export async function startHost(address = "127.0.0.1"): Promise<Host> {
  const answers = new Map<string, Answerer>()
  const seen: Host["seen"][number][] = []
  const server: Server = createServer((request, response) => {
    const path = request.url ?? ""
    seen.push({ method: request.method ?? "", path, headers: request.headers })
    const answer = answers.get(path) ?? answers.get(path.replace(/\?.*$/, ""))
    if (answer) answer(request, response)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, address, resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${address.includes(":") ? `[${address}]` : address}:${port}`,
    seen,
    on: (path, answer) => void answers.set(path, answer),
    file: (path, bytes, headers = {}) => void answers.set(path, serve(bytes, headers)),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const modified = "Mon, 02 Nov 2020 10:00:00 GMT"

function serve(bytes: Buffer, headers: Record<string, string>): Answerer {
  const etag = `"${bytes.length}-${bytes.readUInt8(0) || 0}"`
  const common = { etag, "last-modified": modified, "accept-ranges": "bytes", ...headers }
  return (request, response) => {
    const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? []
    const from = Number(start ?? 0)
    if (start !== undefined && from >= bytes.length)
      return void response.writeHead(416, { ...common, "content-range": `bytes */${bytes.length}` }).end()
    const part = bytes.subarray(from, end ? Number(end) + 1 : undefined)
    const range = `bytes ${from}-${from + part.length - 1}/${bytes.length}`
    response.writeHead(start === undefined ? 200 : 206, {
      ...common,
      "content-length": part.length,
      ...(start !== undefined && { "content-range": range }),
    })
    response.end(request.method === "HEAD" ? undefined : part)
  }
}

export const urlSettings: StoreSettings = {
  credentials: async () => undefined,
  allowLoopback: true,
  allowFile: false,
}

export const openList = (
  url: string,
  format: "csv" | "tsv" | "ndjson" | "txt" | "xml",
  more: Partial<StoreSettings> = {},
) => openStore({ type: "list", url, format }, { ...urlSettings, ...more })

export const openUrls = (
  urls: (string | { url: string; name?: string })[],
  more: Partial<StoreSettings> = {},
) => openStore({ type: "urls", urls }, { ...urlSettings, ...more })
