import type { AddressInfo } from "node:net"
import { createServer, type Socket } from "node:net"
import { expect, onTestFinished, test } from "vitest"
import { startWorld } from "./support/world.ts"

/** A destination that answers every connection with these bytes, whatever it is asked. */
async function startRaw(answer: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => undefined)
    socket.once("data", () => answer(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

test.for([
  ["switches protocols", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
  ["speaks no HTTP", "hello\r\n"],
  ["says nothing", ""],
  ["stops in the middle of its headers", "HTTP/1.1 200 OK\r\nContent-"],
  ["stops in the middle of its body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"],
  ["sends a broken chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
  ["sends endless headers", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(100_000)}\r\n\r\n`],
  ["has a status of its own", "HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n"],
] as const)("a receiver that %s has failed, and the next attempt is made", async ([, bytes]) => {
  let connections = 0
  const url = await startRaw((socket) => {
    connections += 1
    socket.end(connections === 1 ? bytes : ok)
  })
  const { client, clock, qstash } = await startWorld()
  await client.publish({ url, body: "x", retries: 1 })
  await clock.advance("12s")
  expect(connections).toBe(2)
  expect(qstash.stats()).toMatchObject({ attempts: 2, delivered: 1, failed: 0, pending: 0 })
})

test.for([
  ["ends with its connection", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it"],
  ["is of HTTP 1.0", "HTTP/1.0 200 OK\r\n\r\nall of it"],
  ["is chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nall \r\n5\r\nof it\r\n0\r\n\r\n"],
] as const)("an answer that %s is one", async ([, bytes]) => {
  const url = await startRaw((socket) => socket.end(bytes))
  const { client, clock, receiver, qstash } = await startWorld()
  await client.publish({ url, body: "x", callback: receiver.url })
  await clock.advance(0)
  expect(qstash.stats()).toMatchObject({ attempts: 2, delivered: 2 })
  const { body } = JSON.parse(String(receiver.deliveries[0]?.body))
  expect(Buffer.from(body, "base64").toString()).toBe("all of it")
})

test("an interim answer is not the answer", async () => {
  const url = await startRaw((socket) => socket.end(`HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${ok}`))
  const { client, clock, qstash } = await startWorld()
  await client.publish({ url, body: "x" })
  await clock.advance(0)
  expect(qstash.stats()).toMatchObject({ attempts: 1, delivered: 1 })
})

test.for(["http://127.0.0.1:1/", "http://[::1]:1/", "http://no-such-host.invalid/", "https://127.0.0.1:1/"])(
  "nobody at %s is a failed attempt with a reason",
  async (url) => {
    const { client, clock } = await startWorld()
    await client.publish({ url, body: "x", retries: 0 })
    await clock.advance(0)
    const [letter] = (await client.dlq.listMessages()).messages
    expect(letter?.responseBody).toMatch(/ECONNREFUSED|EADDRNOTAVAIL|ENOTFOUND|EAI_AGAIN/)
  },
)

test("a response without end is read to its timeout and no further", async () => {
  const url = await startRaw((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    socket.write("1\r\nx\r\n")
  })
  const { client, clock } = await startWorld({ patience: 50 })
  await client.publish({ url, body: "x", retries: 0, timeout: 20 })
  await clock.advance("20s")
  expect((await client.dlq.listMessages()).messages).toMatchObject([
    { responseBody: "context deadline exceeded" },
  ])
})
