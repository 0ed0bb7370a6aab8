import { createHash } from "node:crypto"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { compareKeys } from "@imgmigrator/core/merge"
import { openStore } from "@imgmigrator/stores"
import { readPage } from "@imgmigrator/stores/s3/listing"
import { expect, test } from "vitest"
import { keysOf, listAll } from "./store-contract.ts"

/** A server that only lists, whatever keys it is given: an S3 with a million objects that need not be put first. */
async function startLister(names: readonly string[], { startAfter = true } = {}) {
  const keys = names.map((name) => `p/${name}`).sort(compareKeys)
  const state = { requests: 0, ahead: 0 }
  const server = createServer((request, response) => {
    state.requests += 1
    const query = new URL(request.url ?? "", "http://x").searchParams
    const token = query.get("continuation-token")
    const after = startAfter ? query.get("start-after") : null
    // Behind a key although a token was given: asked for ahead of what came so far.
    if (query.has("start-after")) state.ahead += 1
    const from = token ? Number(token) : after === null ? 0 : firstBehind(keys, after)
    response.end(pageOf(keys, from))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const store = await openStore(
    { type: "s3", bucket: "library", prefix: "p/", endpoint, credentials: "anonymous" },
    { credentials: async () => undefined, allowLoopback: true, allowFile: false },
  )
  const close = async () => {
    await store.close()
    server.closeAllConnections()
    server.close()
  }
  return { store, state, close }
}

function firstBehind(keys: readonly string[], after: string): number {
  let [low, high] = [0, keys.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareKeys(keys[middle] ?? "", after) <= 0) low = middle + 1
    else high = middle
  }
  return low
}

function pageOf(keys: readonly string[], from: number): string {
  const objects = keys.slice(from, from + 1000).map((key) => {
    const name = encodeURIComponent(key).replaceAll("%20", "+").replaceAll("%2F", "/")
    return `<Contents><Key>${name}</Key><LastModified>2024-05-01T10:00:00.000Z</LastModified><ETag>&quot;0123456789abcdef0123456789abcdef&quot;</ETag><Size>1</Size></Contents>`
  })
  const more = from + 1000 < keys.length
  const next = more ? `<NextContinuationToken>${from + 1000}</NextContinuationToken>` : ""
  return `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${more}</IsTruncated>${next}${objects.join("")}</ListBucketResult>`
}

const count = 14_000
const random = (index: number) => createHash("md5").update(String(index)).digest("hex")
const libraries = {
  "camera names": Array.from(
    { length: count },
    (_, index) => `2024/IMG_${String(index).padStart(7, "0")}.jpg`,
  ),
  "random names": Array.from({ length: count }, (_, index) => `${random(index)}.jpg`),
  days: Array.from({ length: count }, (_, index) => {
    const day = new Date(Date.UTC(2015, 0, 1) + Math.floor(index / 41) * 86_400_000)
      .toISOString()
      .slice(0, 10)
    return `${day.replaceAll("-", "/")}/IMG_${index % 41}.jpg`
  }),
  albums: Array.from(
    { length: count },
    (_, index) => `álbum ${random(index % 37).slice(0, 5)}/DSC${index}.jpg`,
  ),
  "keys of all lengths": Array.from(
    { length: count },
    (_, index) => random(index).slice(0, 4 + (index % 20)) + index,
  ),
}

test.for(Object.entries(libraries))(
  "%s: many pages at once are joined to the very list",
  async ([, names]) => {
    const { store, state, close } = await startLister(names)
    const sorted = names.toSorted(compareKeys)
    expect(await keysOf(store)).toEqual(sorted)
    expect(state.requests).toBeLessThanOrEqual(2 * Math.ceil(count / 1000))
    const middle = sorted[6_789]
    expect(await keysOf(store, middle)).toEqual(sorted.slice(6_790))
    await close()
  },
)

test("names that count on are asked for several pages at once", async () => {
  for (const kind of ["camera names", "random names"] as const) {
    const { store, state, close } = await startLister(libraries[kind])
    await keysOf(store)
    expect(state.ahead).toBeGreaterThanOrEqual(1)
    await close()
  }
})

test("a short listing is read page by page, with no request too many", async () => {
  const { store, state, close } = await startLister(libraries["camera names"].slice(0, 3500))
  await keysOf(store)
  expect(state.requests).toBe(4)
  await close()
})

test("a server that does not know start-after is read page by page", async () => {
  const { store, close } = await startLister(libraries["camera names"], { startAfter: false })
  expect(await keysOf(store)).toEqual(libraries["camera names"])
  await expect(listAll(store, libraries["camera names"][5])).rejects.toMatchObject({ code: "listing.order" })
  await close()
})

const page = (inside: string) => `<?xml version="1.0"?><ListBucketResult>${inside}</ListBucketResult>`
const object = (key: string) =>
  `<Contents><Key>${key}</Key><LastModified>2024-05-01T10:00:00.000Z</LastModified><ETag>"e"</ETag><Size>3</Size></Contents>`

test.for([
  [page(`<EncodingType>url</EncodingType>${object("a+b%2Bc%0A%C3%A9")}`), "a b+c\né"],
  [page(object("a+b &amp;&lt;&#233;&#x1F600;")), "a+b &<é😀"],
] as const)("keys are decoded as the page says they are encoded", ([xml, key]) => {
  expect(readPage(Buffer.from(xml), "", "s3://b/").entries.map((entry) => entry.key)).toEqual([key])
})

test.for([
  [page(object("a")).slice(0, -12), "is cut short"],
  [page("<Contents><Key>a</Key>"), "is cut short"],
  [page(`<IsTruncated>true</IsTruncated>${object("a")}`), "does not say where"],
  [page(`<EncodingType>url</EncodingType>${object("%E9")}`), "no text"],
  ["<html>welcome</html>", "is cut short"],
] as const)("a page that is broken is no listing: %j", ([xml, message]) => {
  expect(() => readPage(Buffer.from(xml), "", "s3://b/")).toThrow(message)
})

test("keys of another prefix are not taken", () => {
  expect(() => readPage(Buffer.from(page(object("photos-old/a.jpg"))), "photos/", "s3://b/")).toThrow(
    "another prefix",
  )
})
