import { gzipSync } from "node:zlib"
import type { Fault } from "@imgmigrator/core/fault"
import { readAll } from "@imgmigrator/stores"
import { defaultKey } from "@imgmigrator/stores/urls/keys"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { type Host, openList, openUrls, startHost } from "./http-support.ts"
import { keysOf, listAll, readContract } from "./store-contract.ts"

let host: Host
beforeAll(async () => {
  host = await startHost()
})
afterAll(() => host.close())
beforeEach(() => {
  host.seen.length = 0
})

const failure = (promise: Promise<unknown>): Promise<Fault> =>
  promise.then(
    () => expect.unreachable(),
    (error) => error,
  )

const images = ["a.jpg", "b c.png", "ü/d.webp"] as const
const addressOf = (from: Host, name: string) =>
  `${from.url}/${name.split("/").map(encodeURIComponent).join("/")}`

async function seed(write: (from: Host) => { text: string; format: Parameters<typeof openList>[1] }) {
  const from = await startHost()
  const seeded = new Map<string, Buffer>(images.map((name) => [name, Buffer.from(`the bytes of ${name}`)]))
  for (const [name, bytes] of seeded) from.file(new URL(addressOf(from, name)).pathname, bytes)
  const { text, format } = write(from)
  from.file("/list", Buffer.from(text))
  const store = await openList(`${from.url}/list`, format)
  const close = async () => {
    await store.close()
    await from.close()
  }
  return { store, seeded, close }
}

readContract("csv list", () =>
  seed((from) => ({
    format: "csv",
    text: `name,url\n${images.map((name) => `"${name}",${addressOf(from, name)}`).join("\n")}\n`,
  })),
)
readContract("ndjson list", () =>
  seed((from) => ({
    format: "ndjson",
    text: images.map((name) => JSON.stringify({ name, url: addressOf(from, name) })).join("\n"),
  })),
)
readContract("inline addresses", async () => {
  const { seeded, close } = await seed(() => ({ format: "txt", text: "x" }))
  await close()
  const from = await startHost()
  for (const [name, bytes] of seeded) from.file(new URL(addressOf(from, name)).pathname, bytes)
  const store = await openUrls(images.map((name) => ({ url: addressOf(from, name), name })))
  return {
    store,
    seeded,
    close: async () => {
      await store.close()
      await from.close()
    },
  }
})

describe("formats", () => {
  const read = async (format: Parameters<typeof openList>[1], text: string | Buffer, headers = {}) => {
    host.file("/l", Buffer.from(text), headers)
    const store = await openList(`${host.url}/l`, format)
    const entries = await listAll(store)
    await store.close()
    return entries
  }
  const brief = (entries: Awaited<ReturnType<typeof read>>) =>
    entries.map(({ key, size, checksum, mtime }) =>
      [key, size, checksum?.algorithm, mtime].map((value) => value ?? "-").join(" "),
    )
  const md5 = "900150983cd24fb0d6963f7d28e17f72"
  const sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

  test.for([
    [
      "txt",
      "https://h.example/a.jpg\n\n# a comment\r\nhttps://h.example/b.jpg",
      ["h.example/a.jpg - - -", "h.example/b.jpg - - -"],
    ],
    [
      "csv",
      "\ufeffURL,Destination,Size\r\nhttps://h.example/a,x/1.jpg,12\r\nhttps://h.example/b,,\r\n",
      ["x/1.jpg 12 - -", "h.example/b - - -"],
    ],
    ["csv", "url;name\nhttps://h.example/a;x\n", ["x - - -"]],
    ["csv", "https://h.example/a,x\nhttps://h.example/b,y\n", ["x - - -", "y - - -"]],
    ["csv", 'name,url\n"a ""b"", c\nd",https://h.example/a\n', ['a "b", c\nd - - -']],
    [
      "csv",
      `url,checksum\nhttps://h.example/a,${md5}\nhttps://h.example/b,sha256:${sha}\n`,
      ["h.example/a - md5 -", "h.example/b - sha256 -"],
    ],
    [
      "csv",
      `url,sha256,mtime\nhttps://h.example/a,${sha},2020-01-01T00:00:00Z\nhttps://h.example/b,,1604233260.5\n`,
      ["h.example/a - sha256 1577836800000", "h.example/b - - 1604233260500"],
    ],
    ["tsv", 'url\tname\nhttps://h.example/a\tx "y" z\n', ['x "y" z - - -']],
    [
      "tsv",
      `TsvHttpData-1.0\nhttps://h.example/a\t12\t${Buffer.from(md5, "hex").toString("base64")}\nhttps://h.example/b\n`,
      ["h.example/a 12 md5 -", "h.example/b - - -"],
    ],
    [
      "ndjson",
      `"https://h.example/a"\n\n{"url":"https://h.example/b","name":"x","size":3,"md5":"${md5}","mtime":5}\n`,
      ["h.example/a - - -", "x 3 md5 5000"],
    ],
    [
      "xml",
      `<?xml version="1.0"?><urlset xmlns="s" xmlns:image="i"><url><loc>https://h.example/page</loc><image:image><image:loc>https://h.example/a.jpg?x=1&amp;y=2</image:loc></image:image><image:image><image:loc><![CDATA[https://h.example/b.jpg]]></image:loc><image:title>t</image:title></image:image></url><url><loc>\n https://h.example/c.png\n</loc></url></urlset>`,
      [
        expect.stringMatching(/^h.example\/a~[0-9a-f]{8}.jpg - - -$/),
        "h.example/b.jpg - - -",
        "h.example/c.png - - -",
      ],
    ],
  ] as const)("%s %j", async ([format, text, expected]) => {
    const entries = await read(format, text)
    expect(brief(entries).map((line) => line.replace("\ufeff", ""))).toEqual(expected)
    // From behind each entry on, the same rest; the columns and the version of the list travel in the cursor.
    const store = await openList(`${host.url}/l`, format)
    for (const [index, entry] of entries.entries())
      expect(brief(await listAll(store, entry.cursor))).toEqual(brief(entries.slice(index + 1)))
    await store.close()
  })

  test.for([
    ["txt", "https://h.example/a\nnowhere\n", 2],
    ["txt", "https://h.example/a\n\n#\nhttps://u:hunter2@h.example/b\n", 4],
    ["txt", "https://h.example/a\nftp://h.example/b\n", 2],
    ["csv", "name,size\nx,1\n", 1],
    ["csv", "url,url\nhttps://h.example/a,b\n", 1],
    ["csv", "url,name\nhttps://h.example/a,x\nhttps://h.example/b,y,z\n", 3],
    ["csv", "url,size\nhttps://h.example/a,1\nhttps://h.example/b,big\n", 3],
    ["csv", "url,size\nhttps://h.example/a,-1\n", 2],
    ["csv", "url,md5\nhttps://h.example/a,abc\n", 2],
    ["csv", "url,mtime\nhttps://h.example/a,yesterday\n", 2],
    ["csv", 'url,name\nhttps://h.example/a,x\nhttps://h.example/b,"open\n\n', 3],
    ["csv", 'url,name\nhttps://h.example/a,"x"y\n', 2],
    ["csv", 'url,name\nhttps://h.example/a,x"y\n', 2],
    ["ndjson", '"https://h.example/a"\n{"url":\n', 2],
    ["ndjson", '"https://h.example/a"\n[1]\n', 2],
    ["ndjson", '{"url":12}\n', 1],
    ["ndjson", '{"name":"x"}\n', 1],
    ["xml", "<urlset>\n<url>\n<loc>x</url></urlset>", 3],
    ["xml", "<html>\n</html>", 1],
    ["xml", "<urlset><url>", 1],
  ] as const)("a bad line of %s is named: %j, line %i", async ([format, text, line]) => {
    const fault = await failure(read(format, text))
    expect(fault).toMatchObject({ kind: "invalid", code: "manifest.line", scope: "store" })
    expect(fault.message).toMatch(new RegExp(`^Line ${line} of the list `))
    expect(fault.message).not.toContain("hunter2")
  })

  test("a line that is no UTF-8, or longer than a mebibyte, is named", async () => {
    const latin = Buffer.from("https://h.example/a\nhttps://h.example/\xe9\n", "latin1")
    expect((await failure(read("txt", latin))).message).toBe("Line 2 of the list is not UTF-8.")
    const long = await failure(read("txt", `https://h.example/a\nhttps://h.example/${"x".repeat(2_000_000)}`))
    expect(long.message).toBe("Line 2 of the list is longer than 1 MiB.")
  })

  test("an index of sitemaps says so", async () => {
    const fault = await failure(
      read("xml", "<sitemapindex><sitemap><loc>https://h/s.xml</loc></sitemap></sitemapindex>"),
    )
    expect(fault).toMatchObject({ code: "manifest.index", scope: "store" })
  })

  test("a list that comes compressed is refused, not unpacked", async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, "https://h.example/a\n"))
    const fault = await failure(read("txt", bomb, { "content-encoding": "gzip" }))
    expect(fault).toMatchObject({ kind: "invalid", code: "manifest.encoding", scope: "store" })
  })

  test("entities that multiply are not followed", async () => {
    const text = `<!DOCTYPE urlset [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;">]><urlset><url><loc>https://h.example/&b;.jpg</loc></url></urlset>`
    const fault = await failure(read("xml", text))
    expect(fault.code).toBe("manifest.line")
  })

  test.for([
    ["../a.jpg", "source.name"],
    ["a/../b.jpg", "source.name"],
    ["/etc/a.jpg", "source.name"],
    ["a\nb.jpg", "source.name"],
    ["a/", "source.name"],
    [`${"x".repeat(1021)}.jpg`, "source.name"],
    ["\ud800.jpg", "source.name"],
    [`${"x".repeat(1020)}.jpg`, undefined],
  ] as const)("the name %j is the item's own matter: %s", async ([name, code]) => {
    const line = JSON.stringify({ url: "https://h.example/a", name })
    const [entry, next] = await read("ndjson", `${line}\n"https://h.example/b"`)
    expect(entry?.fault?.code).toBe(code)
    expect(next?.fault).toBeUndefined()
  })
})

test("a list that is not the one it was ends in a fault when a listing goes on", async () => {
  host.file("/changing", Buffer.from("https://h.example/a\nhttps://h.example/b\n"))
  const store = await openList(`${host.url}/changing`, "txt")
  const [first] = await listAll(store)
  host.file("/changing", Buffer.from("https://h.example/a\nhttps://h.example/c\nhttps://h.example/d\n"))
  expect(await failure(listAll(store, first?.cursor))).toMatchObject({
    kind: "conflict",
    code: "manifest.changed",
    scope: "store",
  })
  await store.close()
})

test("a listing goes on by a range where the server knows ranges, and by reading where not", async () => {
  const text = Array.from({ length: 50 }, (_, index) => `https://h.example/é${index}.jpg\n`).join("")
  host.file("/ranges", Buffer.from(text))
  host.on("/whole", (_, response) => response.writeHead(200, { etag: '"v1"' }).end(text))
  for (const path of ["/ranges", "/whole"]) {
    const store = await openList(`${host.url}${path}`, "txt")
    const entries = await listAll(store)
    expect(await keysOf(store, entries[20]?.cursor)).toEqual(entries.slice(21).map((entry) => entry.key))
    expect(await keysOf(store, entries.at(-1)?.cursor)).toEqual([])
    await store.close()
  }
})

test.for([
  [404, "missing source.missing"],
  [410, "missing source.missing"],
  [401, "denied source.denied"],
  [403, "denied source.denied"],
  [429, "unavailable source.busy"],
  [500, "unavailable source.busy"],
  [503, "unavailable source.busy"],
  [400, "invalid source.rejected"],
] as const)(
  "an address that answers %i is %s, of the item alone; a list of the store",
  async ([status, expected]) => {
    host.on("/x", (_, response) => response.writeHead(status, { "retry-after": "7" }).end("no"))
    const store = await openUrls([`${host.url}/x?secret=hunter2`])
    const fault = await failure(store.open({ key: "x", address: `${host.url}/x?secret=hunter2` }))
    expect(`${fault.kind} ${fault.code}`).toBe(expected)
    expect(fault).toMatchObject({ scope: "item", retryAfterMs: 7000 })
    expect(fault.message).not.toContain("hunter2")
    await store.close()
    const list = await openList(`${host.url}/x?secret=hunter2`, "txt")
    expect(await failure(list.probe("read"))).toMatchObject({ scope: "store", code: fault.code })
    expect(await failure(listAll(list))).toMatchObject({ scope: "store", code: fault.code })
    await list.close()
  },
)

test("an address that hangs, breaks off, lies about its length or never ends redirecting is told from another", async () => {
  host.on("/hang", () => undefined)
  host.on("/stall", (_, response) => void response.writeHead(200, { "content-length": 100 }).write("x"))
  host.on("/short", (_, response) => {
    response.writeHead(200, { "content-length": 100 }).write("x", () => response.destroy())
  })
  host.on("/round", (_, response) => response.writeHead(302, { location: "/round" }).end())
  const hasty = await openUrls(["https://h/x"], { timeouts: { headersMs: 1, bodyMs: 1 } })
  const store = await openUrls(["https://h/x"])
  const open = (path: string, from = store) =>
    failure(from.open({ key: "x", address: host.url + path }).then((opened) => readAll(opened.body)))
  expect(await open("/hang", hasty)).toMatchObject({
    kind: "unavailable",
    code: "source.unreachable",
    scope: "item",
  })
  const slow = await openUrls(["https://h/x"], { timeouts: { bodyMs: 1 } })
  expect(await open("/stall", slow)).toMatchObject({ kind: "unavailable", code: "source.interrupted" })
  expect(await open("/short")).toMatchObject({ kind: "unavailable", code: "source.interrupted" })
  expect(await open("/round")).toMatchObject({ kind: "invalid", code: "source.redirects" })
  for (const each of [hasty, slow, store]) await each.close()
})

test("more bytes than announced are cut off, not taken", async () => {
  host.on("/long", (_, response) => {
    response.socket?.end("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcdefgh")
  })
  const store = await openUrls(["https://h/x"])
  const { body } = await store.open({ key: "x", address: `${host.url}/long` })
  expect((await readAll(body)).toString()).toBe("abc")
  await store.close()
})

test("redirects are followed, relative ones too, and the final answer counts", async () => {
  host.file("/target.jpg", Buffer.from("bytes"), { "content-type": "image/jpeg" })
  host.on("/one", (_, response) => response.writeHead(301, { location: "./two?x=1" }).end())
  host.on("/two", (_, response) => response.writeHead(308, { location: `${host.url}/target.jpg` }).end())
  const store = await openUrls([`${host.url}/one`])
  const { facts, body } = await store.open({ key: "x", address: `${host.url}/one` })
  expect(facts).toMatchObject({ size: 5, contentType: "image/jpeg" })
  expect((await readAll(body)).toString()).toBe("bytes")
  await store.close()
})

test("what comes compressed is kept as it came, and bytes are asked for as they are", async () => {
  const bomb = gzipSync(Buffer.alloc(20_000_000))
  host.file("/bomb", bomb, { "content-encoding": "gzip" })
  const store = await openUrls(["https://h/x"])
  const { facts, body } = await store.open({ key: "x", address: `${host.url}/bomb` })
  expect((await readAll(body)).length).toBe(bomb.length)
  expect(facts).toMatchObject({ contentEncoding: "gzip", size: bomb.length })
  expect(host.seen.at(-1)?.headers["accept-encoding"]).toBe("identity")
  await store.close()
})

test("a server without HEAD is asked for a byte, one without ranges or ETags is read all the same", async () => {
  host.on("/no-head", (request, response) => {
    if (request.method === "HEAD") response.writeHead(405).end()
    else response.writeHead(200, { "content-length": 5 }).end("bytes")
  })
  const store = await openUrls(["https://h/x"])
  const target = { key: "x", address: `${host.url}/no-head` }
  expect(await store.stat(target)).toEqual({ key: "x", size: 5 })
  const { facts, body } = await store.open(target, { start: 2 })
  expect((await readAll(body)).toString()).toBe("tes")
  expect(facts.etag).toBeUndefined()
  expect(await store.stat({ key: "x", address: `${host.url}/nothing` })).toBeUndefined()
  await store.close()
})

test("a body of unknown length is read to its end, and one that breaks off is not taken for whole", async () => {
  host.on("/chunked", (_, response) => {
    response.write("by")
    response.end("tes")
  })
  host.on("/broken", (_, response) => {
    response.write("by", () => response.destroy())
  })
  const store = await openUrls(["https://h/x"])
  const { facts, body } = await store.open({ key: "x", address: `${host.url}/chunked` })
  expect(facts.size).toBeUndefined()
  expect((await readAll(body)).toString()).toBe("bytes")
  const broken = store
    .open({ key: "x", address: `${host.url}/broken` })
    .then((opened) => readAll(opened.body))
  expect(await failure(broken)).toMatchObject({ kind: "unavailable" })
  await store.close()
})

test("requests to one host keep the distance that the operator sets", async () => {
  host.file("/paced", Buffer.from("x"))
  const store = await openUrls(["https://h/x"], { hostRate: 50 })
  const begun = performance.now()
  await Promise.all(Array.from({ length: 6 }, () => store.stat({ key: "x", address: `${host.url}/paced` })))
  expect(performance.now() - begun).toBeGreaterThanOrEqual(5 * 20 - 2)
  await store.close()
})

test("a list can't be written to", async () => {
  const store = await openUrls(["https://h/x"])
  expect(store.capabilities.writable).toBe(false)
  for (const attempt of [
    store.probe("write"),
    store.begin("x", { description: {} }),
    store.parts({ key: "x", id: "1", partSize: 1 }),
  ])
    expect(await failure(attempt)).toMatchObject({ kind: "invalid", code: "store.read_only", scope: "store" })
  await store.close()
})

test.for([
  ["https://images.example/2024/IMG_1.jpg", "images.example/2024/IMG_1.jpg"],
  ["https://images.example/a%20b/%C3%A9.jpg", "images.example/a b/é.jpg"],
  ["https://images.example:8443/a.jpg", "images.example_8443/a.jpg"],
  ["https://images.example/", "images.example/index"],
  ["https://images.example/a//b.jpg", "images.example/a/_/b.jpg"],
  ["https://images.example/a%2Fb.jpg", "images.example/a%2Fb.jpg"],
  ["https://images.example/a%0Ab.jpg", "images.example/a%0Ab.jpg"],
  ["https://images.example/%E9.jpg", "images.example/%E9.jpg"],
  ["https://images.example/a/%2e%2e/b.jpg", "images.example/b.jpg"],
  ["https://b.s3.amazonaws.com/a.jpg?X-Amz-Signature=1&X-Amz-Date=2", "b.s3.amazonaws.com/a.jpg"],
  ["https://images.example/a.jpg?utm_source=x&sig=y", "images.example/a.jpg"],
] as const)("%s goes to %s unless the list says otherwise", ([address, key]) => {
  expect(defaultKey(new URL(address))).toBe(key)
})

test("queries that tell images apart make different keys, and keep the ending", () => {
  const keys = ["w=1", "w=2", "w=2&h=1"].map((query) =>
    defaultKey(new URL(`https://h.example/a.b/i.jpg?${query}`)),
  )
  expect(new Set(keys).size).toBe(3)
  for (const key of keys) expect(key).toMatch(/^h\.example\/a\.b\/i~[0-9a-f]{8}\.jpg$/)
})
