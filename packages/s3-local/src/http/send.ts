import type { ServerResponse } from "node:http"
import type { Context } from "../context.ts"
import { S3Error } from "../errors.ts"
import { contentOf } from "../operations/rehash.ts"
import { errorDocument, leaf } from "../xml.ts"
import type { Content, Headers, Reply } from "./reply.ts"

/** Sends a reply; resolves when all is handed to the network or the client is gone. */
export async function send(context: Context, response: ServerResponse, reply: Reply): Promise<void> {
  const { content, body } = reply
  try {
    writeHead(response, reply)
    if (!content) return void response.end(body)
    const { depot } = context
    const [only] = content.blobs
    const piece =
      only && content.blobs.length === 1 ? depot.read(only, content.start, content.end) : undefined
    if (Buffer.isBuffer(piece)) return void response.end(piece)
    await pour(response, contentOf(context, content.blobs, content.start, content.end))
  } finally {
    if (content) context.depot.release(content.blobs)
  }
}

/** A reply's content as a stream, whatever it is made of. */
export async function* bytesOf(context: Context, { blobs, start, end }: Content) {
  yield* contentOf(context, blobs, start, end)
}

export function writeHead(response: ServerResponse, { status, headers, body, content }: Reply) {
  const length =
    body === undefined
      ? content || status === 204 || status === 304
        ? undefined
        : 0
      : Buffer.byteLength(body)
  const all: Headers = {
    ...(body !== undefined && { "Content-Type": "application/xml" }),
    ...(length !== undefined && { "Content-Length": length }),
    ...headers,
  }
  for (const [name, value] of Object.entries(all)) if (value !== undefined) response.setHeader(name, value)
  response.writeHead(status)
}

/** Writes at the pace of the reader; stops without a fuss where it has gone. */
export async function pour(response: ServerResponse, source: AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of source) {
    if (response.destroyed) return
    if (!response.write(chunk)) await writable(response)
  }
  response.end()
}

const writable = (response: ServerResponse) =>
  new Promise<void>((resolve) => {
    const settle = () => {
      response.off("drain", settle)
      response.off("close", settle)
      resolve()
    }
    response.on("drain", settle)
    response.on("close", settle)
    if (response.destroyed) settle()
  })

/** S3's answer to a failure. HEAD has no body, only the status. */
export function errorReply(
  error: unknown,
  { method, path, requestId }: { method: string; path: string; requestId: string },
): Reply {
  const known = error instanceof S3Error ? error : new S3Error("InternalError")
  const { code, message, status, detail } = known
  if (method === "HEAD")
    return { status, headers: { "Content-Type": "application/xml", "Content-Length": undefined } }
  const details = Object.entries(detail).map(([name, value]) => leaf(name, value))
  return {
    status,
    body: errorDocument(
      leaf("Code", code),
      leaf("Message", message),
      ...details,
      leaf("Resource", path),
      leaf("RequestId", requestId),
      leaf("HostId", requestId),
    ),
    headers: detail.Region === undefined ? {} : { "x-amz-bucket-region": detail.Region },
  }
}
