import dns from "node:dns"
import { syncBuiltinESMExports } from "node:module"
import type { Fault } from "@imgmigrator/core/fault"
import { readAll } from "@imgmigrator/stores"
import { refusalOf } from "@imgmigrator/stores/http/addresses"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { type Host, openUrls, startHost } from "./http-support.ts"

let canary: Host
let canary6: Host | undefined
beforeAll(async () => {
  canary = await startHost()
  canary.file("/a.jpg", Buffer.from("secret"))
  canary6 = await startHost("::1").catch(() => undefined)
})
afterAll(async () => {
  await canary.close()
  await canary6?.close()
})

const refusal = async (address: string, allowLoopback = false): Promise<Fault> => {
  const store = await openUrls([address], { allowLoopback, timeouts: { connectMs: 500 } })
  try {
    const { body } = await store.open({ key: "a.jpg", address })
    body.destroy()
    return expect.unreachable()
  } catch (error) {
    return error as Fault
  } finally {
    await store.close()
  }
}

const refused = { kind: "denied", code: "address.refused" }
const PORT = "PORT"

/** Every notation of where a request from inside a network must not go. */
const forbidden = [
  // This machine.
  ...[
    "127.0.0.1",
    "127.0.0.2",
    "127.1",
    "127.0.1",
    "0x7f.0.0.1",
    "0x7f000001",
    "0177.0.0.1",
    "0177.1",
    "2130706433",
  ],
  ...["017700000001", "127.0.0.1.", "127.255.255.254", "localhost", "LOCALHOST", "localhost.", "①②⑦.⓪.⓪.①"],
  ...["[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "0", "0.0.0.0", "0x0", "[::]", "0.1.2.3"],
  // Mapped, compatible, translated and tunnelled.
  ...["[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::FFFF:10.0.0.1]", "[::ffff:0:127.0.0.1]", "[::127.0.0.1]"],
  ...[
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::10.0.0.1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
  ],
  ...["[2001:0:7f00:1::]", "[::ffff:169.254.169.254]"],
  // Private networks.
  ...[
    "10.0.0.1",
    "10.255.255.255",
    "167772161",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.1.1",
  ],
  ...[
    "0xc0a80101",
    "0300.0250.1.1",
    "100.64.0.1",
    "100.127.255.255",
    "[fc00::1]",
    "[fd12:3456:789a::1]",
    "[fec0::1]",
  ],
  // Metadata services and link-local addresses.
  ...["169.254.169.254", "0xa9fea9fe", "2852039166", "169.254.170.2", "100.100.100.200", "168.63.129.16"],
  ...["[fd00:ec2::254]", "169.254.0.1", "[fe80::1]", "[febf::1]"],
  // Multicast, broadcast, reserved, documentation.
  ...["224.0.0.1", "239.255.255.255", "[ff02::1]", "255.255.255.255", "240.0.0.1", "192.0.0.8", "192.0.2.1"],
  ...[
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "192.88.99.1",
    "[100::1]",
    "[2001:db8::1]",
    "[5f00::1]",
    "[4000::1]",
  ],
]

test("the table has at least 60 cases", () => {
  expect(new Set(forbidden).size).toBeGreaterThanOrEqual(60)
})

test.for(forbidden)("%s is refused, and no request leaves", async (host) => {
  const port = new URL(canary.url).port
  expect(await refusal(`http://${host}:${port}/a.jpg`)).toMatchObject(refused)
  expect(canary.seen).toEqual([])
  expect(canary6?.seen ?? []).toEqual([])
})

test.for([
  ["ftp://example.com/a.jpg", "source.name|address.refused"],
  ["file:///etc/passwd", "address.refused"],
  ["gopher://example.com/", "address.refused"],
  ["data:image/png;base64,AAAA", "address.refused"],
  ["javascript:alert(1)", "address.refused"],
  ["http://user:hunter2@example.com/a.jpg", "address.refused"],
  ["http://example.com@127.0.0.1/a.jpg", "address.refused"],
  ["http://127.0.0.1#@example.com/", "address.refused"],
  ["http://example.com:22/a.jpg", "address.refused"],
  ["http://example.com:25/", "address.refused"],
  ["https://example.com:6379/", "address.refused"],
  ["http://example.com:6667/", "address.refused"],
  ["http://example.com:0/", "address.refused"],
  ["nowhere", "source.name"],
] as const)("%s is refused before anything is asked", async ([address, code]) => {
  const fault = await refusal(address)
  expect(fault.code).toMatch(new RegExp(code))
  expect(fault.message).not.toContain("hunter2")
})

test.for([
  ...[
    "http://10.0.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::ffff:10.0.0.1]/",
    "http://[fd00:ec2::254]/",
  ],
  ...[
    "file:///etc/passwd",
    "ftp://example.com/",
    "http://user:hunter2@example.com/",
    "//192.168.0.1/a.jpg",
    "http://example.com:25/",
  ],
])("a redirect to %s is refused, where loopback is allowed too", async (location) => {
  canary.on("/hop", (_, response) => response.writeHead(302, { location }).end())
  canary.on("/first", (_, response) => response.writeHead(307, { location: "/hop" }).end())
  const fault = await refusal(`${canary.url}/first`, true)
  expect(fault).toMatchObject(refused)
  expect(fault.message).not.toContain("hunter2")
})

test("loopback is this machine only where the local service allows it", async () => {
  const store = await openUrls([`${canary.url}/a.jpg`])
  const { body } = await store.open({ key: "a.jpg", address: `${canary.url}/a.jpg` })
  expect((await readAll(body)).toString()).toBe("secret")
  expect(refusalOf("127.0.0.1", true)).toBeUndefined()
  expect(refusalOf("::1", true)).toBeUndefined()
  for (const address of ["::ffff:127.0.0.1", "0.0.0.0", "::", "10.0.0.1", "169.254.169.254"])
    expect(refusalOf(address, true)).toBeDefined()
  await store.close()
})

test.for([
  "8.8.8.8",
  "1.1.1.1",
  "172.15.0.1",
  "172.32.0.1",
  "100.63.0.1",
  "100.128.0.1",
  "2606:4700:4700::1111",
  "2a00::1",
])("%s is an address like any other", (address) => {
  expect(refusalOf(address, false)).toBeUndefined()
})

const { lookup } = dns
afterEach(() => {
  dns.lookup = lookup
  syncBuiltinESMExports()
})

/** A name server that gives another answer each time. */
function resolveTo(...answers: string[][]): { readonly asked: string[] } {
  const asked: string[] = []
  const fake = (
    name: string,
    _: unknown,
    done: (error: null, found: { address: string; family: number }[]) => void,
  ) => {
    const found = answers[Math.min(asked.push(name), answers.length) - 1] ?? []
    done(
      null,
      found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    )
  }
  dns.lookup = fake as unknown as typeof lookup
  syncBuiltinESMExports()
  return { asked }
}

test("a name that leads to a private address is refused, whatever the name", async () => {
  for (const address of ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "fd00::1"]) {
    resolveTo([address])
    const fault = await refusal("http://images.example/a.jpg")
    expect(fault).toMatchObject(refused)
    expect(fault.message).not.toContain(address)
  }
})

test("a name that changes between two requests is checked again, and asked once for each connection", async () => {
  const { asked } = resolveTo(["127.0.0.1"], ["10.0.0.1"])
  canary.on("/b.jpg", (_, response) =>
    response.writeHead(200, { connection: "close", "content-length": 1 }).end("x"),
  )
  const address = `http://rebinding.example:${PORT}/b.jpg`.replace(PORT, new URL(canary.url).port)
  const store = await openUrls([address])
  expect((await readAll((await store.open({ key: "b", address })).body)).toString()).toBe("x")
  await expect(store.open({ key: "b", address })).rejects.toMatchObject(refused)
  expect(asked).toEqual(["rebinding.example", "rebinding.example"])
  await store.close()
})

test("of several addresses only those that are allowed are tried", async () => {
  resolveTo(["10.0.0.1", "127.0.0.1"])
  const address = `http://mixed.example:${new URL(canary.url).port}/a.jpg`
  const store = await openUrls([address])
  expect((await readAll((await store.open({ key: "a", address })).body)).toString()).toBe("secret")
  await store.close()
})
