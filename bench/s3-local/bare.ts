import { createHash } from "node:crypto"
import { createServer } from "node:http"

/** The least that a server in Node can do: take a body and its MD5, give 100 KB. What ours costs above it is the point. */
const body = Buffer.alloc(100_000, "x")
const server = createServer((request, response) => {
  if (request.method === "GET") {
    response.setHeader("Content-Length", body.length)
    return response.end(body)
  }
  const md5 = createHash("md5")
  const chunks: Buffer[] = []
  request.on("data", (chunk: Buffer) => {
    md5.update(chunk)
    chunks.push(chunk)
  })
  request.on("end", () => {
    Buffer.concat(chunks)
    response.setHeader("ETag", `"${md5.digest("hex")}"`)
    response.end()
  })
  return undefined
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  if (typeof address === "object") console.log(`bare listens on http://127.0.0.1:${address?.port}`)
})
process.on("SIGTERM", () => process.exit(0))
