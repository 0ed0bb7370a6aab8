import { createHash } from "node:crypto"
import { compareKeys } from "@imgmigrator/core/merge"
import { type Description, type Entry, type Precondition, readAll, type Store } from "@imgmigrator/stores"
import { afterAll, beforeAll, describe, expect, test } from "vitest"

/** A fresh, empty, writable store of its own, and another one opened on the same place. */
export type Fixture = { readonly store: Store; reopen(): Promise<Store>; close(): Promise<void> }

export const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest()
const text = (value: string) => Buffer.from(value)

export const put = (
  store: Store,
  key: string,
  bytes: Buffer,
  options: { description?: Description; precondition?: Precondition; signal?: AbortSignal } = {},
) => store.put(key, bytes, { description: {}, ...options, sha256: sha256(bytes) })

export async function bytesOf(
  store: Store,
  entry: Pick<Entry, "key" | "address">,
  start?: number,
): Promise<Buffer> {
  return readAll((await store.open(entry, start === undefined ? {} : { start })).body)
}

export async function listAll(store: Store, after?: string): Promise<Entry[]> {
  const entries: Entry[] = []
  for await (const page of store.list(after === undefined ? {} : { after })) entries.push(...page)
  return entries
}

export const keysOf = async (store: Store, after?: string) =>
  (await listAll(store, after)).map((entry) => entry.key)

/** Names that stores list in an order of their own unless they compare bytes, and that need encoding on the wire. */
export const trickyKeys = [
  "a-1.jpg",
  "a.txt",
  "a/b.jpg",
  "a/c/d.jpg",
  "a0.jpg",
  "A.jpg",
  "b & <c> \"d\" 'e'.jpg",
  "b+c%2B.jpg",
  "b c/#?.jpg",
  "é/ü.jpg",
  "～.jpg",
  "😀.jpg",
  "日本/写真.heic",
]

/** What every store promises of reading. `seeded` is what is there, by key; `open` and `stat` go by listed entries. */
export function readContract(
  name: string,
  make: () => Promise<{ store: Store; seeded: ReadonlyMap<string, Buffer>; close(): Promise<void> }>,
) {
  describe(`${name}, read`, () => {
    let fixture: Awaited<ReturnType<typeof make>>
    beforeAll(async () => {
      fixture = await make()
    })
    afterAll(() => fixture.close())

    test("a listing has everything, and its entries lead to the bytes", async () => {
      const { store, seeded } = fixture
      const entries = await listAll(store)
      expect(entries.map((entry) => entry.key).sort()).toEqual([...seeded.keys()].sort())
      for (const entry of entries) expect(await bytesOf(store, entry)).toEqual(seeded.get(entry.key))
    })

    test("an ordered store lists in strict order of the keys' bytes", async () => {
      const keys = await keysOf(fixture.store)
      if (fixture.store.capabilities.ordered) expect(keys).toEqual(keys.toSorted(compareKeys))
      expect(new Set(keys).size).toBe(keys.length)
    })

    test("after any entry, a listing goes on with exactly the next one", async () => {
      const entries = await listAll(fixture.store)
      for (const [index, entry] of entries.entries()) {
        const rest = await keysOf(fixture.store, entry.cursor ?? entry.key)
        expect(rest).toEqual(entries.slice(index + 1).map((each) => each.key))
      }
    })

    test("stat, open and listing agree on size and ETag", async () => {
      for (const entry of await listAll(fixture.store)) {
        const facts = await fixture.store.stat(entry)
        const opened = await fixture.store.open(entry)
        opened.body.destroy()
        expect(facts?.size).toBe(fixture.seeded.get(entry.key)?.length)
        expect(opened.facts.size).toBe(facts?.size)
        expect(opened.facts.etag).toBe(facts?.etag)
        if (entry.etag !== undefined) expect(entry.etag).toBe(facts?.etag)
        if (entry.size !== undefined) expect(entry.size).toBe(facts?.size)
      }
    })

    test("reading can start anywhere, at the end too", async () => {
      const [entry] = await listAll(fixture.store)
      const whole = fixture.seeded.get(entry?.key ?? "")
      if (!entry || !whole) throw new Error("nothing seeded")
      for (const start of [0, 1, whole.length - 1, whole.length])
        expect(await bytesOf(fixture.store, entry, start)).toEqual(whole.subarray(start))
    })

    test("another version than the one asked for is stale", async () => {
      const [entry] = await listAll(fixture.store)
      if (!entry) throw new Error("nothing seeded")
      const other = fixture.store.open(entry, { etag: "0123456789abcdef0123456789abcdef" })
      await expect(other).rejects.toMatchObject({ kind: "stale", code: "source.changed" })
      const { etag } = (await fixture.store.stat(entry)) ?? {}
      const opened = await fixture.store.open(entry, etag === undefined ? {} : { etag, start: 1 })
      expect(await readAll(opened.body)).toEqual(fixture.seeded.get(entry.key)?.subarray(1))
    })

    test("an aborted call rejects with the reason", async () => {
      const reason = new Error("enough")
      const signal = AbortSignal.abort(reason)
      const [entry] = await listAll(fixture.store)
      if (!entry) throw new Error("nothing seeded")
      await expect(fixture.store.stat(entry, { signal })).rejects.toBe(reason)
      await expect(fixture.store.open(entry, { signal })).rejects.toBe(reason)
    })

    test("a probe for reading succeeds", async () => {
      await fixture.store.probe("read")
    })
  })
}

/** What every writable store promises. */
export function writeContract(name: string, make: () => Promise<Fixture>) {
  describe(`${name}, write`, () => {
    let fixture: Fixture
    beforeAll(async () => {
      fixture = await make()
    })
    afterAll(() => fixture.close())

    test("what is not there is undefined to stat and a fault to open", async () => {
      expect(await fixture.store.stat({ key: "nowhere/n.jpg" })).toBeUndefined()
      const opened = fixture.store.open({ key: "nowhere/n.jpg" })
      await expect(opened).rejects.toMatchObject({ kind: "missing", code: "source.missing", scope: "item" })
    })

    test("a probe for writing leaves nothing behind, and an empty store lists as empty", async () => {
      await fixture.store.probe("write")
      expect(await keysOf(fixture.store)).toEqual([])
    })

    test.for([0, 1, 100_000])("%i bytes arrive, confirmed, with their type and time", async (length) => {
      const { store } = fixture
      const bytes = Buffer.alloc(length, `${length}-`)
      const key = `sizes/${length}.png`
      const description = { contentType: "image/png", mtime: 1_604_233_260_123 }
      const receipt = await put(store, key, bytes, { description, precondition: { absent: true } })
      expect(receipt.checksum).toEqual({ algorithm: "sha256", value: sha256(bytes).toString("base64") })
      expect(["store", "read-back"]).toContain(receipt.confirmed)
      const { facts, body } = await store.open({ key })
      expect(await readAll(body)).toEqual(bytes)
      expect(facts).toMatchObject({ size: length, contentType: "image/png", etag: receipt.etag })
      expect(facts.mtime).toBeCloseTo(description.mtime, 2)
      expect(await store.stat({ key })).toMatchObject({ size: length, etag: receipt.etag })
    })

    test.for(trickyKeys)("the key %j arrives as itself", async (key) => {
      await put(fixture.store, `tricky/${key}`, text(key))
      expect(await bytesOf(fixture.store, { key: `tricky/${key}` })).toEqual(text(key))
    })

    test("all of them are listed once, in order, by another store on the same place", async () => {
      const other = await fixture.reopen()
      const keys = await keysOf(other)
      expect(keys).toEqual(keys.toSorted(compareKeys))
      expect(keys.filter((key) => key.startsWith("tricky/")).length).toBe(trickyKeys.length)
      await other.close()
    })

    test("absent means absent: a second writer changes nothing and is told", async () => {
      await put(fixture.store, "once.jpg", text("first"), { precondition: { absent: true } })
      const second = put(fixture.store, "once.jpg", text("second"), { precondition: { absent: true } })
      await expect(second).rejects.toMatchObject({ kind: "conflict", code: "destination.changed" })
      expect(await bytesOf(fixture.store, { key: "once.jpg" })).toEqual(text("first"))
    })

    test("an ETag that still holds lets its object be replaced, an old one does not", async () => {
      const { store } = fixture
      const { etag = "" } = await put(store, "twice.jpg", text("first"))
      const replaced = await put(store, "twice.jpg", text("second"), { precondition: { etag } })
      expect(replaced.etag).not.toBe(etag)
      const late = put(store, "twice.jpg", text("third"), { precondition: { etag } })
      await expect(late).rejects.toMatchObject({ kind: "conflict", code: "destination.changed" })
      const gone = put(store, "never.jpg", text("third"), { precondition: { etag } })
      await expect(gone).rejects.toMatchObject({ kind: "conflict", code: "destination.changed" })
      expect(await bytesOf(store, { key: "twice.jpg" })).toEqual(text("second"))
      expect(await store.stat({ key: "never.jpg" })).toBeUndefined()
    })

    test("without a precondition the last one wins", async () => {
      await put(fixture.store, "last.jpg", text("first"))
      await put(fixture.store, "last.jpg", text("second"))
      expect(await bytesOf(fixture.store, { key: "last.jpg" })).toEqual(text("second"))
    })

    test("of 32 writers who expect nothing there, one wins and its bytes stay", async () => {
      const { store } = fixture
      const writers = Array.from({ length: 32 }, (_, index) => text(`writer ${index}`))
      const attempts = writers.map((bytes) =>
        put(store, "race.jpg", bytes, { precondition: { absent: true } }),
      )
      const outcomes = await Promise.allSettled(attempts)
      const winners = writers.filter((_, index) => outcomes[index]?.status === "fulfilled")
      expect(winners.length).toBe(1)
      expect(await bytesOf(store, { key: "race.jpg" })).toEqual(winners[0])
    })

    test("an aborted put rejects with the reason and leaves nothing", async () => {
      const signal = AbortSignal.abort(new Error("enough"))
      await expect(put(fixture.store, "aborted.jpg", text("x"), { signal })).rejects.toThrow("enough")
      expect(await fixture.store.stat({ key: "aborted.jpg" })).toBeUndefined()
    })
  })

  describe(`${name}, parts`, () => {
    let fixture: Fixture
    let upload: Awaited<ReturnType<Store["begin"]>>
    let parts: Buffer[]
    const key = "big/movie.mov"
    const description = { contentType: "video/quicktime", mtime: 1_604_233_260_000 }

    beforeAll(async () => {
      fixture = await make()
      upload = await fixture.store.begin(key, { description, size: 20_000_000 })
      parts = [0, 1, 2].map((index) => Buffer.alloc(index === 2 ? 3000 : upload.partSize, `part ${index} `))
    })
    afterAll(() => fixture.close())

    test("parts come in any order, twice too, and another process sees them", async () => {
      const [first, second] = parts
      if (!first || !second) throw new Error("no parts")
      await fixture.store.putPart(upload, 2, second)
      await fixture.store.putPart(upload, 1, second)
      const part = await fixture.store.putPart(upload, 1, first)
      expect(part).toMatchObject({ number: 1, size: first.length })
      const other = await fixture.reopen()
      const held = await other.parts(upload)
      expect(held.map(({ number, size }) => [number, size])).toEqual([
        [1, first.length],
        [2, second.length],
      ])
      await other.close()
    })

    test("an upload on its way is no object, and is found by when it began", async () => {
      expect(await keysOf(fixture.store)).toEqual([])
      expect(await fixture.store.stat({ key })).toBeUndefined()
      const hourAgo = Date.now() - 3_600_000
      expect((await fixture.store.uploads(hourAgo)).map((each) => [each.key, each.id])).toEqual([
        [key, upload.id],
      ])
      expect(await fixture.store.uploads(Date.now() + 3_600_000)).toEqual([])
    })

    test("put together, the whole is confirmed", async () => {
      const [, , last] = parts
      if (!last) throw new Error("no parts")
      await fixture.store.putPart(upload, 3, last)
      const other = await fixture.reopen()
      const options = { description, precondition: { absent: true } } as const
      const receipt = await other.complete(upload, await other.parts(upload), options)
      const whole = Buffer.concat(parts)
      if (receipt.checksum.algorithm === "sha256")
        expect(receipt.checksum.value).toBe(sha256(whole).toString("base64"))
      const { facts, body } = await other.open({ key })
      expect(sha256(await readAll(body))).toEqual(sha256(whole))
      expect(facts).toMatchObject({ size: whole.length, etag: receipt.etag, contentType: "video/quicktime" })
      expect(facts.mtime).toBeCloseTo(description.mtime, 2)
      expect(await other.uploads(0)).toEqual([])
      await other.close()
    })

    test("a completed upload is gone for whoever comes late", async () => {
      await expect(fixture.store.parts(upload)).rejects.toMatchObject({
        kind: "stale",
        code: "upload.missing",
      })
      await fixture.store.abort(upload)
    })

    test("the precondition holds for uploads too", async () => {
      const late = await fixture.store.begin(key, { description, size: 3 })
      const part = await fixture.store.putPart(late, 1, text("new"))
      const completed = fixture.store.complete(late, [part], { description, precondition: { absent: true } })
      await expect(completed).rejects.toMatchObject({ kind: "conflict", code: "destination.changed" })
      expect((await fixture.store.stat({ key }))?.size).toBe(Buffer.concat(parts).length)
      await fixture.store.abort(late)
      expect(await fixture.store.uploads(0)).toEqual([])
    })
  })
}
