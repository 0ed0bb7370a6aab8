import {
  ListObjectsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from "@aws-sdk/client-s3"
import fc from "fast-check"
import { expect, test } from "vitest"
import { sendSigned } from "./raw.ts"
import { bucket, fresh, refusal, sdk, sdkOf, server } from "./support.ts"

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
const put = (client: S3Client, keys: readonly string[]) =>
  Promise.all(keys.map((Key) => client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: "x" }))))

type Folded = { readonly keys: readonly string[]; readonly prefixes: readonly string[] }

/** What a listing in one go must hold, said in a few lines. */
function expected(all: readonly string[], prefix: string, delimiter: string): Folded {
  const under = all.filter((key) => key.startsWith(prefix)).sort(byBytes)
  const fold = (key: string) => {
    const at = delimiter ? key.indexOf(delimiter, prefix.length) : -1
    return at < 0 ? undefined : key.slice(0, at + delimiter.length)
  }
  const prefixes = under.map(fold).filter((name) => name !== undefined)
  return { keys: under.filter((key) => fold(key) === undefined), prefixes: [...new Set(prefixes)] }
}

async function viaV2(client: S3Client, Prefix: string, Delimiter: string, pageSize: number): Promise<Folded> {
  const pages: ListObjectsV2CommandOutput[] = []
  const input = { Bucket: bucket, Prefix, ...(Delimiter && { Delimiter }) }
  for await (const page of paginateListObjectsV2({ client, pageSize, stopOnSameToken: true }, input))
    pages.push(page)
  for (const page of pages) expect(page.KeyCount).toBeLessThanOrEqual(pageSize)
  return {
    keys: pages.flatMap((page) => page.Contents ?? []).map(({ Key = "" }) => Key),
    prefixes: pages.flatMap((page) => page.CommonPrefixes ?? []).map((common) => common.Prefix ?? ""),
  }
}

async function viaV1(client: S3Client, Prefix: string, Delimiter: string, MaxKeys: number): Promise<Folded> {
  const keys: string[] = []
  const prefixes: string[] = []
  let Marker: string | undefined
  for (;;) {
    const input = { Bucket: bucket, Prefix, MaxKeys, Marker, ...(Delimiter && { Delimiter }) }
    const page = await client.send(new ListObjectsCommand(input))
    keys.push(...(page.Contents ?? []).map(({ Key = "" }) => Key))
    prefixes.push(...(page.CommonPrefixes ?? []).map((common) => common.Prefix ?? ""))
    if (!page.IsTruncated) return { keys, prefixes }
    expect(page.NextMarker === undefined).toBe(Delimiter === "")
    Marker = page.NextMarker ?? keys.at(-1)
  }
}

test("any keys, prefix, delimiter and page size list the same by V2, by V1 and by common sense", async () => {
  const letters = fc.constantFrom("a", "b", "/", "-", "é", "\uffee", "\u{1f600}", "0")
  const word = (maxLength: number) => fc.string({ unit: letters, maxLength })
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.string({ unit: letters, minLength: 1, maxLength: 6 }), { maxLength: 20 }),
      word(2),
      fc.constantFrom("", "/", "-", "a", "/a"),
      fc.integer({ min: 1, max: 5 }),
      async (keys, prefix, delimiter, pageSize) => {
        const s3 = await fresh()
        const client = sdkOf(s3)
        await put(client, keys)
        const whole = expected(keys, prefix, delimiter)
        expect(await viaV2(client, prefix, delimiter, pageSize)).toEqual(whole)
        expect(await viaV1(client, prefix, delimiter, pageSize)).toEqual(whole)
        client.destroy()
        await s3.close()
      },
    ),
    { numRuns: 30 },
  )
})

test("start-after begins behind a key, whether or not that key is there", async () => {
  const client = sdk(await server())
  await put(client, ["a", "b", "c"])
  const after = async (StartAfter: string) =>
    (await client.send(new ListObjectsV2Command({ Bucket: bucket, StartAfter }))).Contents?.map(
      ({ Key }) => Key,
    )
  expect(await after("a")).toEqual(["b", "c"])
  expect(await after("aa")).toEqual(["b", "c"])
  expect(await after("c")).toBeUndefined()
})

test("a V1 marker inside of a common prefix leaves the prefix out", async () => {
  const client = sdk(await server())
  await put(client, ["f/s/1", "f/s/2", "f/t", "f/u"])
  const page = await client.send(
    new ListObjectsCommand({ Bucket: bucket, Prefix: "f/", Delimiter: "/", MaxKeys: 1, Marker: "f/s/1" }),
  )
  expect(page).toMatchObject({ IsTruncated: true, NextMarker: "f/t", Contents: [{ Key: "f/t" }] })
  expect(page.CommonPrefixes).toBeUndefined()
})

test("encoding-type=url encodes what XML can't hold; without it control characters are references", async () => {
  const s3 = await server()
  const key = "a b+&<\u0001ü/=~*.jpg"
  await put(sdk(s3), [key])
  const encoded = await sendSigned(s3, { path: `/${bucket}?list-type=2&encoding-type=url` })
  expect(encoded.body.toString()).toContain("<Key>a+b%2B%26%3C%01%C3%BC/=~*.jpg</Key>")
  const plain = await sendSigned(s3, { path: `/${bucket}?list-type=2` })
  expect(plain.body.toString()).toContain("<Key>a b+&amp;&lt;&#x1;ü/=~*.jpg</Key>")
})

test("a listing tells size, ETag, time, class and checksum of each object", async () => {
  const client = sdk(await server())
  await put(client, ["a"])
  const page = await client.send(new ListObjectsV2Command({ Bucket: bucket, FetchOwner: true }))
  expect(page.Contents).toEqual([
    {
      Key: "a",
      Size: 1,
      ETag: '"9dd4e461268c8034f5c8564e155c67a6"',
      LastModified: expect.any(Date),
      StorageClass: "STANDARD",
      ChecksumAlgorithm: ["CRC32"],
      ChecksumType: "FULL_OBJECT",
      Owner: expect.anything(),
    },
  ])
})

test.for([
  { what: "a page size that is no number", query: "max-keys=many", code: "InvalidArgument" },
  { what: "a negative page size", query: "max-keys=-1", code: "InvalidArgument" },
  { what: "an unknown encoding", query: "encoding-type=base64", code: "InvalidArgument" },
  { what: "a token that is not ours", query: "list-type=2&continuation-token=abc", code: "InvalidArgument" },
  { what: "an empty token", query: "list-type=2&continuation-token=", code: "InvalidArgument" },
])("$what is $code", async ({ query, code }) => {
  const s3 = await server()
  expect(await sendSigned(s3, { path: `/${bucket}?${query}` })).toMatchObject({ status: 400, code })
})

test("a page has 1,000 at most, and a page of none ends the listing", async () => {
  const client = sdk(await server())
  await put(client, ["a"])
  const most = await client.send(new ListObjectsV2Command({ Bucket: bucket, MaxKeys: 5000 }))
  expect(most).toMatchObject({ MaxKeys: 1000, KeyCount: 1 })
  const none = await client.send(new ListObjectsV2Command({ Bucket: bucket, MaxKeys: 0 }))
  expect(none).toMatchObject({ MaxKeys: 0, KeyCount: 0, IsTruncated: false })
})

test("a bucket that is not there can't be listed", async () => {
  const client = sdk(await server())
  const list = client.send(new ListObjectsV2Command({ Bucket: "nowhere" }))
  expect(await refusal(list)).toEqual({ status: 404, code: "NoSuchBucket" })
})
