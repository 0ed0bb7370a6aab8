import { request } from "node:http"
import type { Called } from "./world.ts"

/** A request whose path goes over the wire as it stands; fetch would normalise it. */
export function rawCall(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: string | Buffer,
): Promise<Called> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }
    const call = request(
      { host: "127.0.0.1", port, method, path, headers: { ...headers, ...length } },
      async (response) => {
        const parts: Buffer[] = []
        for await (const part of response) parts.push(part)
        const text = Buffer.concat(parts).toString()
        const isJson = response.headers["content-type"] === "application/json"
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: isJson ? JSON.parse(text) : text,
        })
      },
    )
    call.on("error", reject)
    call.end(body)
  })
}
