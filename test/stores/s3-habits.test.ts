import type { Fault } from "@imgmigrator/core/fault"
import { openStore, type StoreSettings } from "@imgmigrator/stores"
import { afterEach, expect, test } from "vitest"
import { startHost } from "./http-support.ts"
import { type Habits, startLenient } from "./lenient-s3.ts"
import { startBench } from "./s3-support.ts"
import { bytesOf, listAll, put, sha256 } from "./store-contract.ts"

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const each of open.splice(0)) await each.close()
})

async function start(habits: Habits = {}) {
  const server = await startLenient(habits)
  open.push(server)
  return server
}

const failure = (promise: Promise<unknown>): Promise<Fault> =>
  promise.then(
    () => expect.unreachable(),
    (error) => error,
  )
const bytes = Buffer.from("the bytes of an image")

test("an ETag that is the MD5 of what was sent confirms it without a further request", async () => {
  const server = await start({ etag: "md5" })
  const receipt = await put(await server.open(), "a.jpg", bytes)
  expect(receipt).toMatchObject({ confirmed: "store", checksum: { algorithm: "sha256" } })
  expect(server.requests).toEqual(["PUT"])
})

test("where the answer tells nothing of the bytes, they are read back", async () => {
  const server = await start({ etag: "opaque" })
  expect(await put(await server.open(), "a.jpg", bytes)).toMatchObject({ confirmed: "read-back" })
  expect(server.requests).toEqual(["PUT", "GET"])
})

test("unless the operator says that this server checks what it is sent", async () => {
  const server = await start({ etag: "opaque" })
  expect(await put(await server.open({ verify: "sent" }), "a.jpg", bytes)).toMatchObject({
    confirmed: "store",
  })
  expect(server.requests).toEqual(["PUT"])
})

test.for(["md5", "opaque"] as const)(
  "a server with %s ETags that stores other bytes is found out",
  async (etag) => {
    const server = await start({ etag, damages: true })
    const store = await server.open()
    expect(await failure(put(store, "a.jpg", bytes))).toMatchObject({
      kind: "corrupt",
      code: "destination.corrupt",
    })
    const upload = await store.begin("b.mov", { description: {} })
    const part = await store.putPart(upload, 1, bytes)
    expect(await failure(store.complete(upload, [part], { description: {} }))).toMatchObject({
      kind: "corrupt",
      code: "destination.corrupt",
    })
  },
)

test("a server that refuses headers it does not know gets none of them from then on", async () => {
  const server = await start({ strange: true })
  const store = await server.open()
  expect(await put(store, "a.jpg", bytes)).toMatchObject({ confirmed: "store" })
  expect(await put(store, "b.jpg", bytes)).toMatchObject({ confirmed: "store" })
  expect(server.requests).toEqual(["PUT", "PUT", "PUT"])
})

test.for(["ignored", "refused"] as const)(
  "where preconditions are %s, a stat before the write takes their place",
  async (preconditions) => {
    const server = await start({ preconditions })
    const store = await server.open()
    await store.probe("write")
    expect(store.capabilities.preconditions).toBe(false)
    expect([...server.objects.keys()]).toEqual([])
    const { etag = "" } = await put(store, "a.jpg", bytes, { precondition: { absent: true } })
    const refused = { kind: "conflict", code: "destination.changed" }
    expect(
      await failure(put(store, "a.jpg", Buffer.from("x"), { precondition: { absent: true } })),
    ).toMatchObject(refused)
    expect(
      await failure(put(store, "a.jpg", Buffer.from("x"), { precondition: { etag: "other" } })),
    ).toMatchObject(refused)
    expect(await bytesOf(store, { key: "a.jpg" })).toEqual(bytes)
    await put(store, "a.jpg", Buffer.from("new"), { precondition: { etag } })
    expect((await bytesOf(store, { key: "a.jpg" })).toString()).toBe("new")
  },
)

test("a server that was never probed is, before the first write that depends on it, once", async () => {
  const server = await start({ preconditions: "ignored" })
  const [one, two] = [await server.open(), await server.open()]
  await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      put(one, `${index}.jpg`, bytes, { precondition: { absent: true } }),
    ),
  )
  await put(two, "x.jpg", bytes, { precondition: { absent: true } })
  expect(server.requests.filter((each) => each === "DELETE").length).toBe(1)
  expect(one.capabilities.preconditions).toBe(false)
})

test("one that honours them is believed, and is not asked before each write", async () => {
  const server = await start()
  const store = await server.open()
  await store.probe("write")
  expect(store.capabilities.preconditions).toBe(true)
  server.requests.length = 0
  await put(store, "a.jpg", bytes, { precondition: { absent: true } })
  expect(server.requests).toEqual(["PUT"])
})

test.for([
  [["CRC64NVME"], "c!"],
  [["SHA256"], "s!"],
  [[], "n!"],
] as const)("parts are checked with the best of %j and then read back", async ([algorithms, mode]) => {
  const server = await start({ algorithms })
  const store = await server.open()
  const upload = await store.begin("b.mov", { description: {} })
  expect(upload.id.startsWith(mode)).toBe(true)
  const pieces = [Buffer.alloc(upload.partSize, "a"), Buffer.alloc(1234, "b")]
  const parts = [
    await store.putPart(upload, 1, pieces[0] ?? bytes),
    await store.putPart(upload, 2, pieces[1] ?? bytes),
  ]
  const receipt = await store.complete(upload, parts, { description: {} })
  const value = sha256(Buffer.concat(pieces)).toString("base64")
  expect(receipt).toMatchObject({ confirmed: "read-back", checksum: { algorithm: "sha256", value } })
})

test("parts of another process are confirmed by their ETags, and where those tell nothing, not at all", async () => {
  for (const [etag, confirmed] of [
    ["md5", true],
    ["opaque", false],
  ] as const) {
    const server = await start({ etag })
    const store = await server.open()
    const upload = await store.begin("b.mov", { description: {} })
    await store.putPart(upload, 1, bytes)
    const completed = store.complete(upload, await store.parts(upload), { description: {} })
    if (confirmed) expect(await completed).toMatchObject({ confirmed: "read-back" })
    else expect(await failure(completed)).toMatchObject({ code: "destination.unverified" })
  }
})

test("who may not read may still write: a probe by If-Match that is denied is followed by an upload", async () => {
  const bench = await startBench()
  open.push(bench)
  const store = await bench.open("p/")
  bench.s3.faults.inject({
    effect: { kind: "answer", code: "AccessDenied" },
    when: ({ operation }) => operation === "PutObject",
  })
  await store.probe("write")
  bench.s3.faults.inject({ effect: { kind: "answer", code: "AccessDenied" }, times: 2 })
  expect(await failure(store.probe("write"))).toMatchObject({
    kind: "denied",
    code: "store.denied",
    scope: "store",
  })
  expect(await store.uploads(0)).toEqual([])
})

const set = { accessKeyId: "AKIDSECRETID", secretAccessKey: "hunter2hunter2" }
const settings = (more: Partial<StoreSettings> = {}): StoreSettings => ({
  credentials: async (name) => {
    if (name === undefined) return set
    if (name === "r2") return { ...set, endpoint: "https://acc.r2.example", buckets: ["photos"] }
    return name === "aws" ? { ...set, buckets: ["*"] } : undefined
  },
  allowLoopback: false,
  allowFile: false,
  ...more,
})

test.for([
  [{ credentials: "r2" }, undefined],
  [{ credentials: "r2", endpoint: "https://acc.r2.example" }, undefined],
  [{ credentials: "r2", endpoint: "https://evil.example" }, "the set r2 is not for this endpoint"],
  [
    { credentials: "r2", endpoint: "https://acc.r2.example.evil.example" },
    "the set r2 is not for this endpoint",
  ],
  [{ credentials: "r2", endpoint: "http://acc.r2.example" }, "the set r2 is not for this endpoint"],
  [{ credentials: "r2", bucket: "other" }, "the set r2 is not for the bucket other"],
  [{ credentials: "aws" }, undefined],
  [{ credentials: "aws", endpoint: "https://s3.eu-west-1.amazonaws.com" }, undefined],
  [
    { credentials: "aws", endpoint: "https://amazonaws.com.evil.example" },
    "the set aws is not for this endpoint",
  ],
  [{ credentials: "aws", endpoint: "https://evilamazonaws.com" }, "the set aws is not for this endpoint"],
  [{ credentials: "nobody" }, "There is no set of credentials named nobody"],
  [{}, undefined],
  [{ endpoint: "https://s3.eu-west-1.amazonaws.com" }, undefined],
  [{ endpoint: "https://evil.example" }, "our own credentials are for AWS only"],
  [{ endpoint: "http://127.0.0.1:9000" }, "our own credentials are for AWS only"],
  [{ endpoint: "https://evil.example", credentials: "anonymous" }, undefined],
] as const)("credentials go only where they belong: %j", async ([more, message]) => {
  const opened = openStore({ type: "s3", bucket: "photos", prefix: "", ...more }, settings())
  if (message === undefined) await (await opened).close()
  else {
    const fault = await failure(opened)
    expect(fault).toMatchObject({ kind: "denied", code: "store.credentials", scope: "store" })
    expect(fault.message).toContain(message)
    expect(fault.message).not.toMatch(/hunter2|AKID/)
  }
})

test("no credentials at all are said to be missing, and anonymous signs nothing", async () => {
  const none = settings({ credentials: async () => undefined, allowLoopback: true })
  const fault = await failure(openStore({ type: "s3", bucket: "photos", prefix: "" }, none))
  expect(fault).toMatchObject({
    kind: "denied",
    code: "store.credentials",
    message: expect.stringContaining("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a set"),
  })
  const elsewhere = { type: "s3", bucket: "photos", prefix: "", endpoint: "https://r2.example" } as const
  expect((await failure(openStore(elsewhere, none))).message).toContain(
    "name a set for it with ?credentials=",
  )
  const bench = await startBench()
  open.push(bench)
  const store = await openStore(
    { type: "s3", bucket: "library", prefix: "", endpoint: bench.s3.url, credentials: "anonymous" },
    none,
  )
  expect(await failure(store.probe("read"))).toMatchObject({ kind: "denied", scope: "store" })
  await store.close()
})

test("an endpoint that is no S3 is told from an empty bucket", async () => {
  const host = await startHost()
  open.push(host)
  host.on("/library", (_, response) => response.end("<html>welcome</html>"))
  const store = await openStore(
    { type: "s3", bucket: "library", prefix: "", endpoint: host.url, credentials: "anonymous" },
    settings({ allowLoopback: true }),
  )
  expect(await failure(store.probe("read"))).toMatchObject({ code: "listing.broken", scope: "store" })
  expect(await failure(listAll(store))).toMatchObject({ code: "listing.broken", scope: "store" })
  await store.close()
})

test("an answer that is larger than any of S3's is read no further, whatever it says", async () => {
  const host = await startHost()
  open.push(host)
  const page = `<html>${"welcome ".repeat(20_000)}</html>`
  const store = await openStore(
    { type: "s3", bucket: "library", prefix: "", endpoint: host.url, credentials: "anonymous" },
    settings({ allowLoopback: true }),
  )
  host.on("/library", (_, response) => response.end(page))
  expect(await failure(store.probe("read"))).toMatchObject({
    kind: "unavailable",
    code: "store.unreachable",
    message: expect.stringContaining("larger than"),
  })
  host.on("/library", (_, response) => response.writeHead(503).end(page))
  expect(await failure(store.probe("read"))).toMatchObject({ kind: "unavailable", code: "store.busy" })
  host.on("/library", (_, response) => response.writeHead(403).end(page))
  expect(await failure(store.probe("read"))).toMatchObject({ kind: "denied", code: "store.denied" })
  await store.close()
})

test("an S3 endpoint inside a private network is refused like any other address", async () => {
  for (const endpoint of ["http://10.0.0.1", "http://169.254.169.254", "http://127.0.0.1:9000"]) {
    const store = await openStore(
      { type: "s3", bucket: "photos", prefix: "", endpoint, credentials: "anonymous" },
      settings(),
    )
    expect(await failure(store.probe("read"))).toMatchObject({
      kind: "denied",
      code: "address.refused",
      scope: "store",
    })
    await store.close()
  }
})
