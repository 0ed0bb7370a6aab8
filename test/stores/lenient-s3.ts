import { createHash } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { openStore, type Store } from "@imgmigrator/stores"

/** What a server that is not AWS may do otherwise. Nothing of it checks a signature. */
export type Habits = {
  readonly etag?: "md5" | "opaque"
  readonly preconditions?: "honoured" | "ignored" | "refused"
  /** Checksum algorithms that an upload in parts may be begun with. */
  readonly algorithms?: readonly string[]
  /** Refuses checksum headers, which it does not know. */
  readonly strange?: boolean
  /** Stores something else than it was sent. */
  readonly damages?: boolean
}

type Part = { readonly bytes: Buffer; readonly etag: string }

/** All in one page, and in the order of the keys. */
function listing(objects: ReadonlyMap<string, Part>, bucket: string, prefix: string): string {
  const contents = [...objects]
    .filter(([path]) => path.startsWith(bucket + prefix))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([path, { bytes, etag }]) =>
        `<Contents><Key>${path.slice(bucket.length)}</Key><ETag>"${etag}"</ETag><Size>${bytes.length}</Size></Contents>`,
    )
  return `<ListBucketResult><IsTruncated>false</IsTruncated>${contents.join("")}</ListBucketResult>`
}

/** A server that speaks S3 the way small ones do: no checksums in its answers, and some of the rest missing. */
export async function startLenient(habits: Habits = {}) {
  const {
    etag = "md5",
    preconditions = "honoured",
    algorithms = [],
    damages = false,
    strange = false,
  } = habits
  const objects = new Map<string, Part & { readonly headers: IncomingMessage["headers"] }>()
  const uploads = new Map<
    string,
    { readonly key: string; readonly headers: IncomingMessage["headers"]; readonly parts: Map<number, Part> }
  >()
  const requests: string[] = []
  const tag = (bytes: Buffer) => {
    const md5 = createHash("md5").update(bytes).digest("hex")
    return etag === "md5" ? md5 : `opaque-${md5.slice(0, 8)}`
  }
  const refuse = (response: ServerResponse, status: number, code: string) =>
    response.writeHead(status).end(`<Error><Code>${code}</Code></Error>`)

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const url = new URL(request.url ?? "", "http://x")
    const key = decodeURIComponent(url.pathname)
    const query = url.searchParams
    const upload = uploads.get(query.get("uploadId") ?? "")
    requests.push(`${request.method} ${[...query.keys()].join(",")}`.trim())
    const { "if-none-match": none, "if-match": match } = request.headers
    const there = objects.get(key)
    const writes = request.method === "PUT" || request.method === "POST"
    if (writes && (none || match) && preconditions === "refused")
      return refuse(response, 501, "NotImplemented")
    const holds = (!none || !there) && (!match || there?.etag === match.replaceAll('"', ""))
    if (writes && preconditions === "honoured" && !holds) return refuse(response, 412, "PreconditionFailed")
    if (strange && request.headers["x-amz-checksum-sha256"]) return refuse(response, 400, "InvalidArgument")
    if (query.has("uploadId") && !upload) return refuse(response, 404, "NoSuchUpload")

    if (request.method === "POST" && query.has("uploads")) {
      const wanted = request.headers["x-amz-checksum-algorithm"]
      if (wanted && !algorithms.includes(String(wanted))) return refuse(response, 400, "InvalidRequest")
      const id = String(uploads.size + 1)
      uploads.set(id, { key, headers: request.headers, parts: new Map() })
      return response.end(`<R><UploadId>${id}</UploadId></R>`)
    }
    if (request.method === "PUT" && upload) {
      const part = { bytes: body, etag: tag(body) }
      upload.parts.set(Number(query.get("partNumber")), part)
      return response.writeHead(200, { etag: `"${part.etag}"` }).end()
    }
    if (request.method === "GET" && upload) {
      const parts = [...upload.parts].map(
        ([number, part]) =>
          `<Part><PartNumber>${number}</PartNumber><ETag>"${part.etag}"</ETag><Size>${part.bytes.length}</Size></Part>`,
      )
      return response.end(`<R><IsTruncated>false</IsTruncated>${parts.join("")}</R>`)
    }
    if (request.method === "POST" && upload) {
      const whole = Buffer.concat([...upload.parts].sort(([a], [b]) => a - b).map(([, part]) => part.bytes))
      if (damages) whole.writeUInt8(whole.readUInt8(0) ^ 1, 0)
      objects.set(key, { bytes: whole, etag: `${tag(whole)}-1`, headers: upload.headers })
      uploads.delete(query.get("uploadId") ?? "")
      return response.end(`<R><ETag>"${tag(whole)}-1"</ETag></R>`)
    }
    if (request.method === "PUT") {
      const bytes = Buffer.from(body)
      if (damages) bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0)
      objects.set(key, { bytes, etag: tag(bytes), headers: request.headers })
      return response.writeHead(200, { etag: `"${tag(bytes)}"` }).end()
    }
    if (request.method === "DELETE") {
      objects.delete(key)
      return response.writeHead(204).end()
    }
    if (query.has("list-type")) return response.end(listing(objects, `${key}/`, query.get("prefix") ?? ""))
    if (!there) return refuse(response, 404, "NoSuchKey")
    response.writeHead(200, { etag: `"${there.etag}"`, "content-length": there.bytes.length })
    return response.end(request.method === "HEAD" ? undefined : there.bytes)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const stores: Store[] = []
  return {
    endpoint,
    requests,
    objects,
    async open(more: { verify?: "sent" } = {}) {
      const store = await openStore(
        { type: "s3", bucket: "library", prefix: "p/", endpoint, ...more },
        {
          credentials: async () => ({ accessKeyId: "k", secretAccessKey: "s" }),
          allowLoopback: true,
          allowFile: false,
        },
      )
      stores.push(store)
      return store
    },
    async close() {
      await Promise.all(stores.map((store) => store.close()))
      server.closeAllConnections()
      server.close()
    },
  }
}
