import { randomBytes } from "node:crypto"
import type { Opened, Store } from "@imgmigrator/stores"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Host, openUrls, startHost } from "./http-support.ts"

let host: Host
const stores: Store[] = []
beforeAll(async () => {
  host = await startHost()
})
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()))
  await host.close()
})

/** More than waits in memory before a socket is told to pause. */
const bytes = randomBytes(3_000_000)

async function open(path: string, options: Parameters<Store["open"]>[1] = {}) {
  const address = host.url + path
  const store = await openUrls([{ url: address, name: "a.jpg" }])
  stores.push(store)
  return store.open({ key: "a.jpg", address }, options)
}

async function into({ readInto }: Opened, size: number): Promise<Buffer> {
  const target = Buffer.alloc(size)
  await readInto?.(target)
  return target
}

test("a body is read into buffers of the reader's own sizes, and may have waited for him", async () => {
  host.file("/whole", bytes)
  const opened = await open("/whole")
  const sizes = [1, 65_536, 1_000_000, bytes.length - 1_065_537]
  const pieces: Buffer[] = []
  for (const size of sizes) {
    // What came meanwhile waits, and more than that stays at the server.
    await open("/whole").then((other) => into(other, bytes.length))
    pieces.push(await into(opened, size))
  }
  expect(Buffer.concat(pieces).equals(bytes)).toBe(true)
})

test("a body from the middle on is read into a buffer", async () => {
  host.file("/middle", bytes)
  const opened = await open("/middle", { start: 2_000_000 })
  expect((await into(opened, 1_000_000)).equals(bytes.subarray(2_000_000))).toBe(true)
})

test("who wants a buffer filled is told how far a body came that broke off", async () => {
  host.on("/cut", (_, response) => {
    response.writeHead(200, { "content-length": bytes.length })
    response.write(bytes.subarray(0, 100_000), () => response.destroy())
  })
  const opened = await open("/cut")
  await expect(into(opened, bytes.length)).rejects.toMatchObject({
    kind: "unavailable",
    code: "source.interrupted",
  })
})

test.for([
  ["fewer", 99],
  ["more", 101],
] as const)("a part with %s bytes than its range says is no part", async ([_, sent]) => {
  host.on("/part", (_, response) => {
    response.writeHead(206, { "content-length": sent, "content-range": "bytes 100-199/200" })
    response.end(bytes.subarray(0, sent))
  })
  const opened = await open("/part", { start: 100 })
  await expect(into(opened, 100)).rejects.toMatchObject({
    kind: "unavailable",
    message: expect.stringContaining(`ended after ${sent} of 100 bytes`),
  })
})

test("where no length is told there is nothing to fill, and a stop ends a wait", async () => {
  host.on("/open", (_, response) => void response.writeHead(200).write("x"))
  const unknown = await open("/open")
  expect(unknown.readInto).toBeUndefined()
  unknown.body.destroy()
  host.on("/slow", (_, response) => void response.writeHead(200, { "content-length": 100 }).write("x"))
  const stop = new AbortController()
  const opened = await open("/slow", { signal: stop.signal })
  const filling = into(opened, 100)
  stop.abort(new Error("the time is up"))
  await expect(filling).rejects.toThrow("the time is up")
})
