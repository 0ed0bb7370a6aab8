import { randomBytes } from "node:crypto"
import type { Fault } from "@imgmigrator/core/fault"
import { readAll } from "@imgmigrator/stores"
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { type Bench, startBench } from "./s3-support.ts"
import {
  bytesOf,
  keysOf,
  listAll,
  put,
  readContract,
  sha256,
  trickyKeys,
  writeContract,
} from "./store-contract.ts"

writeContract("s3", async () => {
  const bench = await startBench()
  return { store: await bench.open("photos/"), reopen: () => bench.open("photos/"), close: bench.close }
})

readContract("s3", async () => {
  const bench = await startBench()
  const store = await bench.open("photos/")
  const seeded = new Map(trickyKeys.map((key) => [key, Buffer.from(`the bytes of ${key}`)]))
  for (const [key, bytes] of seeded) await put(store, key, bytes)
  return { store, seeded, close: bench.close }
})

let bench: Bench
let prefix = ""
beforeAll(async () => {
  bench = await startBench()
})
afterAll(() => bench.close())
beforeEach(() => {
  bench.s3.faults.clear()
  prefix = `${randomBytes(4).toString("hex")}/`
})

const failure = (promise: Promise<unknown>): Promise<Fault> =>
  promise.then(
    () => expect.unreachable(),
    (error) => error,
  )

test("a prefix is a folder: what only begins like it is not listed", async () => {
  const outside = await bench.open()
  for (const key of [`${prefix}a.jpg`, `${prefix.slice(0, -1)}-old/b.jpg`, `${prefix.slice(0, -1)}.jpg`])
    await put(outside, key, Buffer.from("x"))
  expect(await keysOf(await bench.open(prefix))).toEqual(["a.jpg"])
})

const many = Array.from({ length: 1050 }, (_, index) => `n/${String(index).padStart(4, "0")} é+.jpg`)

test("more than a page is listed in order, whole, from anywhere, with one request a page", async () => {
  const store = await bench.open("many/")
  await Promise.all(many.map((key) => put(store, key, Buffer.from("x"))))
  const before = bench.s3.requests.length
  expect(await keysOf(store)).toEqual(many)
  expect(bench.s3.requests.length - before).toBe(2)
  expect(await keysOf(store, many[700])).toEqual(many.slice(701))
  expect(await keysOf(store, "n/9")).toEqual([])
})

test("a listing that nobody reads to its end stops asking", async () => {
  const store = await bench.open("many/")
  const before = bench.s3.requests.length
  for await (const page of store.list()) {
    expect(page.length).toBe(1000)
    break
  }
  await store.stat({ key: "n" })
  expect(bench.s3.requests.length - before).toBeLessThanOrEqual(3)
})

test("marks of folders are no images, a folder-like key with bytes is", async () => {
  const store = await bench.open(prefix)
  for (const [key, bytes] of [
    ["", ""],
    ["a/", ""],
    ["a/b.jpg", "x"],
    ["c/", "bytes"],
  ] as const)
    await put(store, key, Buffer.from(bytes))
  expect(await keysOf(store)).toEqual(["a/b.jpg", "c/"])
})

test.for(["loop", "repeat"] as const)(
  "trap 7: pages that %s end in a fault, not in a listing without end",
  async (page) => {
    const store = await bench.open("many/")
    for (const times of [1, Number.POSITIVE_INFINITY]) {
      bench.s3.faults.inject({ effect: { kind: "listing", page }, times })
      const fault = await failure(listAll(store))
      expect(fault).toMatchObject({ kind: "corrupt", code: "listing.order", scope: "store" })
      bench.s3.faults.clear()
    }
  },
)

test("all that describes an object is kept: types, caching, language, metadata in any script", async () => {
  const store = await bench.open(prefix)
  const description = {
    contentType: "image/svg+xml",
    cacheControl: "public, max-age=60",
    contentDisposition: 'attachment; filename="a.svg"',
    contentEncoding: "gzip",
    contentLanguage: "pt-BR",
    mtimeExact: "1604233260.123456789",
    metadata: { title: "Pão de Açúcar, 日本 😀 and a long tail beyond one encoded word", plain: "a  b" },
  }
  await put(store, "a.svg", Buffer.from("x"), { description })
  const facts = await store.stat({ key: "a.svg" })
  expect(facts).toMatchObject(description)
  expect(facts?.mtime).toBeCloseTo(1604233260123.4568, 2)
  const { facts: opened } = await store.open({ key: "a.svg" }).then(async (each) => {
    each.body.destroy()
    return each
  })
  await put(store, "b.svg", Buffer.from("x"), { description: opened })
  expect(await store.stat({ key: "b.svg" })).toMatchObject(description)
})

test("without rclone's mtime an object was modified when it was written", async () => {
  const store = await bench.open(prefix)
  await put(store, "a.jpg", Buffer.from("x"))
  const facts = await store.stat({ key: "a.jpg" })
  expect(facts?.mtime).toBe(facts?.written)
  expect(facts?.mtimeExact).toBeUndefined()
})

test("a stat tells the SHA-256 of what was put, and the CRC of what came in parts", async () => {
  const store = await bench.open(prefix)
  const bytes = randomBytes(1000)
  await put(store, "small.jpg", bytes)
  const value = sha256(bytes).toString("base64")
  expect((await store.stat({ key: "small.jpg" }))?.checksum).toEqual({ algorithm: "sha256", value })
  const upload = await store.begin("big.mov", { description: {} })
  const part = await store.putPart(upload, 1, bytes)
  const receipt = await store.complete(upload, [part], { description: {} })
  expect(receipt).toMatchObject({ confirmed: "store", checksum: { algorithm: "crc64nvme" } })
  expect((await store.stat({ key: "big.mov" }))?.checksum).toEqual(receipt.checksum)
})

test("bytes that were damaged on the way up are refused by the store", async () => {
  const store = await bench.open(prefix)
  const lie = store.put("a.jpg", Buffer.from("other"), {
    sha256: sha256(Buffer.from("bytes")),
    description: {},
  })
  expect(await failure(lie)).toMatchObject({ kind: "corrupt", code: "destination.corrupt", scope: "item" })
  expect(await store.stat({ key: "a.jpg" })).toBeUndefined()
})

test.for([
  [{ kind: "cut" }, "unavailable source.interrupted"],
  [{ kind: "reset", after: 50_000 }, "unavailable source.interrupted"],
] as const)("a body that ends early (%j) ends in a fault", async ([effect, expected]) => {
  const store = await bench.open(prefix)
  await put(store, "a.jpg", randomBytes(300_000))
  bench.s3.faults.inject({ effect, when: ({ operation }) => operation === "GetObject" })
  const fault = await failure(bytesOf(store, { key: "a.jpg" }))
  expect(`${fault.kind} ${fault.code}`).toBe(expected)
})

test.for([
  ["SlowDown", 503, "unavailable destination.busy item 7000"],
  ["InternalError", 500, "unavailable destination.busy item 7000"],
  ["TooManyRequests", 429, "unavailable destination.busy item 7000"],
  ["AccessDenied", 403, "denied destination.denied item undefined"],
  ["InvalidAccessKeyId", 403, "denied store.credentials store 7000"],
  ["SignatureDoesNotMatch", 403, "denied store.credentials store 7000"],
  ["InvalidToken", 400, "denied store.credentials store 7000"],
  ["NoSuchBucket", 404, "missing store.missing store 7000"],
  ["KeyTooLongError", 400, "invalid destination.name item undefined"],
  ["MetadataTooLarge", 400, "invalid destination.metadata item undefined"],
  ["EntityTooLarge", 400, "too_large destination.too_large item undefined"],
  ["BadDigest", 400, "corrupt destination.corrupt item undefined"],
  ["InvalidStorageClass", 400, "invalid destination.rejected item undefined"],
  ["ConditionalRequestConflict", 409, "unavailable destination.busy item 7000"],
] as const)("a put that is answered with %s means: %s", async ([code, , expected]) => {
  const store = await bench.open(prefix)
  bench.s3.faults.inject({ effect: { kind: "answer", code, retryAfter: 7 } })
  const fault = await failure(put(store, "a.jpg", Buffer.from("x")))
  const [kind, name, scope, wait] = expected.split(" ")
  expect(fault).toMatchObject({ kind, code: name, scope })
  if (wait !== "undefined") expect(fault.retryAfterMs).toBe(7000)
  expect(fault.message).not.toMatch(/signature=|AKIA|local-secret/i)
})

test("a wrong secret, an unknown key and a wrong bucket are of the whole store, also where HEAD says nothing", async () => {
  const { openStore } = await import("@imgmigrator/stores")
  const ref = { type: "s3" as const, bucket: "library", prefix: "", endpoint: bench.s3.url }
  const keyed = (accessKeyId: string, secretAccessKey: string) =>
    openStore(ref, { ...bench.settings, credentials: async () => ({ accessKeyId, secretAccessKey }) })
  for (const store of [await keyed("local", "wrong"), await keyed("unknown", "local-secret")]) {
    const refused = { kind: "denied", code: "store.credentials", scope: "store" }
    expect(await failure(store.probe("read"))).toMatchObject(refused)
    expect(await failure(store.probe("write"))).toMatchObject(refused)
    expect(await failure(store.stat({ key: "a.jpg" }))).toMatchObject(refused)
    expect(await failure(store.open({ key: "a.jpg" }))).toMatchObject(refused)
    await store.close()
  }
  const elsewhere = await bench.open("", { bucket: "nowhere" })
  expect(await failure(elsewhere.probe("read"))).toMatchObject({ code: "store.missing", scope: "store" })
  expect(await failure(elsewhere.probe("write"))).toMatchObject({ code: "store.missing", scope: "store" })
  expect(await failure(listAll(elsewhere))).toMatchObject({ code: "store.missing", scope: "store" })
})

test("a wrong region is named with the right one", async () => {
  const far = await startBench({ region: "eu-west-3" })
  const store = await far.open("", { region: "us-east-1" })
  const fault = await failure(store.probe("read"))
  expect(fault).toMatchObject({ kind: "invalid", code: "store.region", scope: "store" })
  expect(fault.message).toContain("region=eu-west-3")
  await far.close()
})

test("a clock that is wrong is set right by the server's, once", async () => {
  const store = await bench.open(prefix)
  const skewed = await startBench({ now: () => Date.now() + 3_600_000 })
  const late = await skewed.open("x/")
  await put(late, "a.jpg", Buffer.from("x"))
  expect(await keysOf(late)).toEqual(["a.jpg"])
  await skewed.close()
  await put(store, "a.jpg", Buffer.from("x"))
})

test("a server that is not there is unavailable for the whole store", async () => {
  const gone = await startBench()
  const store = await gone.open("")
  await gone.s3.close()
  expect(await failure(store.probe("read"))).toMatchObject({
    kind: "unavailable",
    code: "store.unreachable",
    scope: "store",
  })
  await store.close()
})

test("an answer that got lost after the write is told by the retry's precondition", async () => {
  const store = await bench.open(prefix)
  await store.probe("write")
  bench.s3.faults.inject({
    effect: { kind: "lose-response" },
    when: ({ operation }) => operation === "PutObject",
  })
  const outcome = put(store, "a.jpg", Buffer.from("x"), { precondition: { absent: true } })
  expect(await failure(outcome)).toMatchObject({ kind: "conflict", code: "destination.changed" })
  expect(await bytesOf(store, { key: "a.jpg" })).toEqual(Buffer.from("x"))
})

test("an object that changes between its parts is stale, and 200 with an error inside is an error", async () => {
  const store = await bench.open(prefix)
  const { etag = "" } = await put(store, "a.jpg", Buffer.from("first"))
  await put(store, "a.jpg", Buffer.from("second"))
  expect(await failure(store.open({ key: "a.jpg" }, { etag, start: 2 }))).toMatchObject({
    code: "source.changed",
  })
  const upload = await store.begin("b.mov", { description: {} })
  const part = await store.putPart(upload, 1, Buffer.from("x"))
  bench.s3.faults.inject({ effect: { kind: "error-in-200" } })
  const completed = failure(store.complete(upload, [part], { description: {} }))
  expect(await completed).toMatchObject({ kind: "unavailable", code: "destination.busy" })
})

test("a copy inside the server moves no bytes and keeps everything, and one that changed is stale", async () => {
  const source = await bench.open(`${prefix}from/`)
  const target = await bench.open(`${prefix}to/`, { bucket: "other" })
  const description = {
    contentType: "image/png",
    metadata: { title: "é" },
    mtimeExact: "1604233260.100000000",
  }
  await target.probe("write")
  await put(source, "a é.png", Buffer.from("bytes"), { description })
  const [entry] = await listAll(source)
  if (!entry) throw new Error("not seeded")
  const before = bench.s3.requests.length
  const copied = await target.copyFrom?.(source, entry, "copy é.png", { precondition: { absent: true } })
  expect(bench.s3.requests.slice(before).map((each) => each.operation)).toEqual(["HeadObject", "CopyObject"])
  expect(copied).toMatchObject({ confirmed: "store", facts: { size: 5, etag: entry.etag } })
  expect(copied?.checksum.value).toBe(sha256(Buffer.from("bytes")).toString("base64"))
  expect(await target.stat({ key: "copy é.png" })).toMatchObject({ ...description, etag: copied?.etag })
  const again = target.copyFrom?.(source, entry, "copy é.png", { precondition: { absent: true } })
  expect(await failure(Promise.resolve(again))).toMatchObject({
    kind: "conflict",
    code: "destination.changed",
  })
  const gone = target.copyFrom?.(source, { key: "gone.png" }, "x.png", {})
  expect(await failure(Promise.resolve(gone))).toMatchObject({ code: "source.missing" })
})

test("a copy inside the server takes the source's time with it where it had none of its own", async () => {
  const source = await bench.open(`${prefix}from/`)
  const target = await bench.open(`${prefix}to/`)
  await put(source, "a.png", Buffer.from("bytes"), { description: { contentType: "image/png" } })
  const facts = await source.stat({ key: "a.png" })
  await target.copyFrom?.(source, { key: "a.png" }, "a.png", {})
  expect(await target.stat({ key: "a.png" })).toMatchObject({ mtime: facts?.mtime, contentType: "image/png" })
})

test("where the server does not let us copy, nothing is copied and it is not asked again", async () => {
  const source = await bench.open(`${prefix}from/`)
  const target = await bench.open(`${prefix}to/`)
  await put(source, "a.png", Buffer.from("bytes"))
  bench.s3.faults.inject({
    effect: { kind: "answer", code: "AccessDenied" },
    when: ({ operation }) => operation === "CopyObject",
  })
  expect(await target.copyFrom?.(source, { key: "a.png" }, "a.png", {})).toBeUndefined()
  const before = bench.s3.requests.length
  expect(await target.copyFrom?.(source, { key: "a.png" }, "a.png", {})).toBeUndefined()
  expect(bench.s3.requests.length).toBe(before)
})

test("pausing the reader pauses the server: a large body does not pile up in memory", async () => {
  const store = await bench.open(prefix)
  const bytes = randomBytes(8 * 1024 * 1024)
  await put(store, "big.jpg", bytes)
  const { body } = await store.open({ key: "big.jpg" })
  const reader = body[Symbol.asyncIterator]()
  const first = await reader.next()
  const seen: Uint8Array[] = first.done ? [] : [first.value]
  for await (const chunk of { [Symbol.asyncIterator]: () => reader }) seen.push(chunk)
  expect(sha256(Buffer.concat(seen))).toEqual(sha256(bytes))
})

test("an aborted transfer ends at once with the reason and the connection with it", async () => {
  const store = await bench.open(prefix)
  await put(store, "a.jpg", randomBytes(1_000_000))
  bench.s3.faults.inject({
    effect: { kind: "stall", after: 1000 },
    when: ({ operation }) => operation === "GetObject",
  })
  const abort = new AbortController()
  const { body } = await store.open({ key: "a.jpg" }, { signal: abort.signal })
  const reading = readAll(body)
  abort.abort(new Error("enough"))
  await expect(reading).rejects.toThrow("enough")
})
