import { Fault } from "@imgmigrator/core/fault"
import { NormalStoreRef, nested, parseStoreRef, StoreRef, storeUri } from "@imgmigrator/core/store-ref"
import { expect, test } from "vitest"
import * as z from "zod"

const refusal = (input: unknown) => {
  try {
    return parseStoreRef(input)
  } catch (error) {
    if (error instanceof Fault) return `${error.kind} ${error.code} ${error.message}`
    throw error
  }
}

test.for([
  ["s3://photos", { type: "s3", bucket: "photos", prefix: "" }],
  ["s3://photos/2024", { type: "s3", bucket: "photos", prefix: "2024/" }],
  ["S3://photos/2024/", { type: "s3", bucket: "photos", prefix: "2024/" }],
  ["s3://photos/a%20b/100%25#1", { type: "s3", bucket: "photos", prefix: "a b/100%#1/" }],
  [
    "s3://photos/x?endpoint=https://Acc.R2.cloudflarestorage.com/&region=auto&credentials=r2&path_style=false&verify=sent",
    {
      type: "s3",
      bucket: "photos",
      prefix: "x/",
      endpoint: "https://acc.r2.cloudflarestorage.com",
      region: "auto",
      credentials: "r2",
      path_style: false,
      verify: "sent",
    },
  ],
  [
    { type: "s3", bucket: "photos", prefix: "x" },
    { type: "s3", bucket: "photos", prefix: "x/" },
  ],
  ["https://h.example/list.CSV", { type: "list", url: "https://h.example/list.CSV", format: "csv" }],
  [
    "https://h.example/l?id=1&format=tsv",
    { type: "list", url: "https://h.example/l?id=1&format=tsv", format: "tsv" },
  ],
  [
    { type: "list", url: "https://h.example/l", format: "xml" },
    { type: "list", url: "https://h.example/l", format: "xml" },
  ],
  [
    { type: "urls", urls: ["https://h.example/a.jpg"] },
    { type: "urls", urls: ["https://h.example/a.jpg"] },
  ],
  ["file:///srv/a%20b", { type: "file", path: "/srv/a b" }],
  ["file://localhost/srv", { type: "file", path: "/srv" }],
  ["file:/srv", { type: "file", path: "/srv" }],
  ["file:photos", { type: "file", path: "photos" }],
  ["./photos", { type: "file", path: "./photos" }],
  ["/srv/photos", { type: "file", path: "/srv/photos" }],
  ["..", { type: "file", path: ".." }],
])("%j has one normal form, which is its own normal form", ([input, expected]) => {
  const ref = parseStoreRef(input)
  expect(ref).toEqual(expected)
  expect(parseStoreRef(ref)).toEqual(expected)
  expect(NormalStoreRef.parse(ref)).toEqual(expected)
})

test.for([
  ["ftp://h/x", "store.scheme the scheme ftp: is not known; write s3://"],
  ["photos", "store.scheme no scheme; write s3://"],
  ["s3://", "store.invalid bucket: missing"],
  ["s3://AKIA:secret@photos/x", "store.invalid bucket: credentials do not belong"],
  ["s3://photos?secret_key=hunter2", "store.invalid secret_key: is not known"],
  ["s3://photos/%zz", "store.invalid prefix: holds a % that"],
  ["s3://a", "store.invalid bucket: is no bucket name"],
  ["s3://photos/a/../b", "store.invalid prefix: must not hold . or .."],
  ["s3://photos//a", "store.invalid prefix: must not begin with /"],
  ["s3://photos?endpoint=nowhere", "store.invalid endpoint: is no URL"],
  ["s3://photos?endpoint=ftp://h", "store.invalid endpoint: begins with ftp:"],
  ["s3://photos?endpoint=https://u:hunter2@h", "store.invalid endpoint: holds a user name"],
  ["s3://photos?path_style=maybe", "store.invalid path_style:"],
  ["s3://photos?verify=never", "store.invalid verify: must be: sent"],
  ["https://u:hunter2@h.example/l.csv", "store.invalid url: holds a user name"],
  ["https://h.example/photo.jpg", "store.invalid format: the address does not tell"],
  ["https://", "store.invalid url: is no URL"],
  ["file://server/share", "store.invalid path: names a host"],
  ["file:/a%00b", "store.invalid path: holds a control character"],
  ["file:", "store.invalid path: is empty"],
  [12, "store.invalid must be a URI or an object"],
  [null, "store.invalid must be a URI or an object"],
  [{ type: "ftp" }, "store.invalid type: is no known type of store; use s3, list, urls or file"],
  [{ type: "s3" }, "store.invalid bucket:"],
  [{ type: "s3", bucket: "photos", secret: "hunter2" }, "store.invalid Unrecognized key"],
  [{ type: "urls", urls: [] }, "store.invalid urls: is empty"],
  [{ type: "urls", urls: ["https://h/a", "nowhere"] }, "store.invalid urls.1: is no URL"],
  [{ type: "urls", urls: [{ url: "https://h/a", md5: "zz" }] }, "store.invalid urls.0.md5: must be 16 bytes"],
])("%j is refused by name, without its value", ([input, expected]) => {
  expect(refusal(input)).toContain(`invalid ${expected}`)
  expect(refusal(input)).not.toContain("hunter2")
})

test("inline addresses beyond 256 KB are too large, and the message says what to use", () => {
  const urls = Array.from(
    { length: 6000 },
    (_, index) => `https://images.example/${index}/${"x".repeat(30)}.jpg`,
  )
  expect(refusal({ type: "urls", urls })).toMatch(/^too_large store\.urls\.too_large .*use a list/)
})

test.for([
  ["s3://b-1/a b/?region=eu-west-1&credentials=mine", "s3://b-1/a%20b/?region=eu-west-1"],
  ["https://h.example/l.csv?X-Amz-Signature=abc", "https://h.example/l.csv?…"],
  [{ type: "urls", urls: ["https://h/a?sig=abc"] }, "urls:1"],
  ["file:/srv/a b", "file:/srv/a b"],
])("%j is shown without credentials and signatures", ([input, expected]) => {
  expect(storeUri(parseStoreRef(input))).toBe(expected)
})

test.for([
  ["s3://bucket/photos", "s3://bucket/photos/2024", true],
  ["s3://bucket/photos", "s3://bucket/photos-old", false],
  ["s3://bucket", "s3://bucket/x", true],
  ["s3://bucket/x", "s3://other/x", false],
  ["s3://bucket/x?endpoint=https://a.example", "s3://bucket/x", false],
  ["s3://bucket/x?endpoint=https://s3.eu-west-1.amazonaws.com", "s3://bucket/x", true],
  ["/a/b", "/a/b/c", true],
  ["/a/b/../b/c/", "/a/./b", true],
  ["/a/b", "/a/bc", false],
  ["/a", "s3://bucket/a", false],
  ["https://h/l.csv", "https://h/l.csv", false],
] as const)("%s and %s: one inside the other is %s", ([a, b, expected]) => {
  expect(nested(parseStoreRef(a), parseStoreRef(b))).toBe(expected)
  expect(nested(parseStoreRef(b), parseStoreRef(a))).toBe(expected)
})

test("the accepted and the stored form both become JSON schemas", () => {
  const accepted = JSON.stringify(z.toJSONSchema(StoreRef, { io: "input" }))
  expect(accepted).toContain("bucket")
  expect(JSON.stringify(z.toJSONSchema(NormalStoreRef))).toContain("ndjson")
})
