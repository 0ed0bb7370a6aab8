import { createCipheriv, createHash } from "node:crypto"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { Clock } from "../../packages/functions/src/jobs/world.ts"

const key = Buffer.alloc(16, 7)

/** The bytes from `from` on, the same each time and compressible by nobody: AES-CTR can begin at any block. */
function contentAt(from: number, length: number): Buffer {
  const counter = Buffer.alloc(16)
  const block = Math.floor(from / 16)
  counter.writeBigUInt64BE(BigInt(block), 8)
  const skip = from - block * 16
  return createCipheriv("aes-128-ctr", key, counter)
    .update(Buffer.alloc(skip + length))
    .subarray(skip)
}

export type SlowSource = {
  readonly url: string
  readonly sha256: () => string
  /** From where each GET was answered. */
  readonly starts: readonly number[]
  readonly served: () => number
  /** A clock for which the source gives `rate` bytes a second, and nothing else takes time. */
  clock(now: () => number, rate: number): Clock
  close(): Promise<void>
}

/** A server of one image of `size` bytes that nobody has to keep; it knows ranges. */
export async function startSlowSource(size: number): Promise<SlowSource> {
  const starts: number[] = []
  let served = 0
  const waiting = new Set<() => void>()
  const step = 256 * 1024
  const etag = '"one-version"'
  function* body(from: number) {
    for (let at = from; at < size; at += step) {
      const bytes = contentAt(at, Math.min(step, size - at))
      served += bytes.length
      for (const look of waiting) look()
      yield bytes
    }
  }
  const server = createServer(async (request, response) => {
    const [, start = "0"] = /^bytes=(\d+)-/.exec(request.headers.range ?? "") ?? []
    const from = Number(start)
    const head = {
      etag,
      "accept-ranges": "bytes",
      "content-type": "image/tiff",
      "content-length": size - from,
    }
    const range = { "content-range": `bytes ${from}-${size - 1}/${size}` }
    response.writeHead(from > 0 ? 206 : 200, { ...head, ...(from > 0 && range) })
    if (request.method === "HEAD") return response.end()
    starts.push(from)
    await pipeline(Readable.from(body(from)), response).catch(() => {})
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/huge.tif`,
    starts,
    served: () => served,
    sha256: () => {
      const hash = createHash("sha256")
      for (let at = 0; at < size; at += step) hash.update(contentAt(at, Math.min(step, size - at)))
      return hash.digest("base64")
    },
    clock: (now, rate) => {
      const before = served
      const at = () => now() + Math.floor(((served - before) / rate) * 1000)
      return {
        now: at,
        sleep: (ms, signal) =>
          new Promise((resolve, reject) => {
            const until = at() + ms
            const end = (run: () => void) => {
              waiting.delete(look)
              signal?.removeEventListener("abort", stop)
              run()
            }
            const look = () => {
              if (at() >= until) end(resolve)
            }
            const stop = () => end(() => reject(signal?.reason))
            waiting.add(look)
            signal?.addEventListener("abort", stop)
            if (signal?.aborted) stop()
          }),
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
