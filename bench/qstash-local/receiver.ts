import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

// A destination in a process of its own: counts deliveries and messages, answers 200. GET tells the counts.

const seen = new Map<string, number>()
let deliveries = 0

const server = createServer((request, response) => {
  request.resume()
  if (request.method === "GET") {
    const twice = [...seen.values()].filter((count) => count > 1).length
    response.end(JSON.stringify({ deliveries, messages: seen.size, twice }))
    return
  }
  const id = String(request.headers["upstash-message-id"])
  seen.set(id, (seen.get(id) ?? 0) + 1)
  deliveries += 1
  response.end()
})
server.keepAliveTimeout = 60_000
server.listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
