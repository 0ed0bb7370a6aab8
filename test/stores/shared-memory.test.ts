import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createServer } from "node:https"
import type { AddressInfo } from "node:net"
import { getCACertificates, setDefaultCACertificates } from "node:tls"
import type { Opened, Store } from "@imgmigrator/stores"
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest"
import { selfSigned } from "../celery/support/self-signed.ts"
import { temporaryFolder } from "../support/harness.ts"
import { type Host, openUrls, startHost } from "./http-support.ts"

let host: Host
const stores: Store[] = []
beforeAll(async () => {
  host = await startHost()
  host.file("/large", large)
})
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()))
  await host.close()
})

/** Comes in many reads. */
const large = randomBytes(3_000_000)

async function open(address: string): Promise<Opened> {
  const store = await openUrls([{ url: address, name: "a.jpg" }])
  stores.push(store)
  return store.open({ key: "a.jpg", address })
}

async function into({ readInto, facts }: Opened): Promise<Buffer> {
  const target = Buffer.alloc(facts.size ?? 0)
  await readInto?.(target)
  return target
}

const readLarge = async () => expect((await into(await open(`${host.url}/large`))).equals(large)).toBe(true)

/** Answers with these pieces, each sent when the promise before it is kept. */
function answerInPieces(path: string, pieces: readonly string[]) {
  const sent = pieces.map(() => Promise.withResolvers<void>())
  const gates = pieces.map(() => Promise.withResolvers<void>())
  host.on(path, async (_, { socket }) => {
    for (const [i, piece] of pieces.entries()) {
      await gates[i]?.promise
      socket?.write(piece, () => sent[i]?.resolve())
    }
  })
  return async (i: number) => {
    gates[i]?.resolve()
    await sent[i]?.promise
  }
}

test("a head that comes in pieces is whole, whatever came over other connections meanwhile", async () => {
  const pieces = [
    "HTTP/1.1 200 OK\r\nContent-Le",
    "ngth: 5\r\nCache-Control: max-age=31",
    "536000\r\n\r\nhe",
    "llo",
  ]
  const send = answerInPieces("/pieces", pieces)
  const opening = open(`${host.url}/pieces`)
  await send(0)
  await readLarge()
  await send(1)
  await readLarge()
  await send(2)
  const opened = await opening
  expect(opened.facts).toMatchObject({ size: 5, cacheControl: "max-age=31536000" })
  await readLarge()
  const reading = into(opened)
  await readLarge()
  await send(3)
  expect((await reading).toString()).toBe("hello")
})

test("a head larger than a piece of it, and hints before it, are read", async () => {
  host.on("/hints", (_, response) => {
    response.writeEarlyHints({ link: `</style.css>; rel=preload; title=${"x".repeat(5_000)}` })
    const headers = {
      "content-length": large.length,
      "x-long": "y".repeat(10_000),
      "cache-control": "no-store",
    }
    response.writeHead(200, headers).end(large)
  })
  const opened = await open(`${host.url}/hints`)
  expect(opened.facts).toMatchObject({ size: large.length, cacheControl: "no-store" })
  expect((await into(opened)).equals(large)).toBe(true)
})

test.for([
  ["of known length", (length: number) => ({ "content-length": length })],
  ["in chunks", () => ({})],
] as const)("whoever keeps the pieces of a body %s keeps its bytes", async ([_, headers]) => {
  host.on("/kept", (_, response) => response.writeHead(200, headers(large.length)).end(large))
  const { body } = await open(`${host.url}/kept`)
  const pieces: Uint8Array[] = []
  for await (const piece of body) {
    pieces.push(piece)
    // While its reader is away the socket is paused, and others use the memory.
    if (pieces.length % 20 === 1) await readLarge()
  }
  expect(Buffer.concat(pieces).equals(large)).toBe(true)
})

test("bodies come over TLS, several at once", async () => {
  await using folder = await temporaryFolder()
  const { certificate, key } = selfSigned(folder.path)
  const trusted = getCACertificates("default")
  setDefaultCACertificates([...trusted, readFileSync(certificate, "utf8")])
  onTestFinished(() => setDefaultCACertificates(trusted))
  const server = createServer(
    { cert: readFileSync(certificate), key: readFileSync(key) },
    (_, response) => void response.writeHead(200, { "content-length": large.length }).end(large),
  ).listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  const all = await Promise.all([1, 2, 3].map((n) => open(`https://localhost:${port}/${n}`).then(into)))
  expect(all.map((bytes) => bytes.equals(large))).toEqual([true, true, true])
  server.closeAllConnections()
  server.close()
})
