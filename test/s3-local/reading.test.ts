import { PutObjectCommand } from "@aws-sdk/client-s3"
import { expect, test } from "vitest"
import { sendSigned } from "./raw.ts"
import { bucket, sdk, server } from "./support.ts"

const path = `/${bucket}/x`
const written = "Tue, 24 Nov 2026 12:00:00 GMT"

async function withObject(body = "0123456789") {
  const now = Date.parse(written)
  const s3 = await server({ now: () => now })
  await sdk(s3, { systemClockOffset: now - Date.now() }).send(
    new PutObjectCommand({ Bucket: bucket, Key: "x", Body: body }),
  )
  return (headers: Record<string, string>, method = "GET", query = "") =>
    sendSigned(s3, { method, path: `${path}${query}`, headers }, { datetime: "20261124T120000Z" })
}

test.for([
  { range: "bytes=2-4", status: 206, body: "234", contentRange: "bytes 2-4/10" },
  { range: "bytes=7-", status: 206, body: "789", contentRange: "bytes 7-9/10" },
  { range: "bytes=-3", status: 206, body: "789", contentRange: "bytes 7-9/10" },
  { range: "bytes=-30", status: 206, body: "0123456789", contentRange: "bytes 0-9/10" },
  { range: "bytes=8-99", status: 206, body: "89", contentRange: "bytes 8-9/10" },
  { range: "bytes=4-2", status: 200, body: "0123456789", contentRange: undefined },
  { range: "lines=1-2", status: 200, body: "0123456789", contentRange: undefined },
])("Range: $range is answered with $status $body", async ({ range, status, body, contentRange }) => {
  const get = await withObject()
  const answer = await get({ range })
  expect(answer.status).toBe(status)
  expect(answer.body.toString()).toBe(body)
  expect(answer.headers).toMatchObject({ "content-length": String(body.length), "accept-ranges": "bytes" })
  expect(answer.headers["content-range"]).toBe(contentRange)
  const head = await get({ range }, "HEAD")
  expect(head).toMatchObject({ status, headers: { "content-length": String(body.length) } })
})

test.for(["bytes=10-", "bytes=99-100", "bytes=-0"])("Range: %s lies outside: InvalidRange", async (range) => {
  const get = await withObject()
  expect(await get({ range })).toMatchObject({ status: 416, code: "InvalidRange" })
})

test("no range of an empty object can be had", async () => {
  const get = await withObject("")
  expect(await get({ range: "bytes=0-0" })).toMatchObject({ status: 416 })
  expect(await get({})).toMatchObject({ status: 200, headers: { "content-length": "0" } })
})

const right = '"781e5e245d69b566979b86e28d23f2c7"'
const [before, after] = ["Tue, 24 Nov 2026 11:59:59 GMT", "Tue, 24 Nov 2026 12:00:01 GMT"]

const conditions: readonly { readonly headers: Record<string, string>; readonly status: number }[] = [
  { headers: { "if-match": right }, status: 200 },
  { headers: { "if-match": "*" }, status: 200 },
  { headers: { "if-match": right.replaceAll('"', "") }, status: 200 },
  { headers: { "if-match": `"abc", ${right}` }, status: 200 },
  { headers: { "if-match": '"abc"' }, status: 412 },
  { headers: { "if-none-match": right }, status: 304 },
  { headers: { "if-none-match": "*" }, status: 304 },
  { headers: { "if-none-match": '"abc"' }, status: 200 },
  { headers: { "if-modified-since": written }, status: 304 },
  { headers: { "if-modified-since": before }, status: 200 },
  { headers: { "if-unmodified-since": written }, status: 200 },
  { headers: { "if-unmodified-since": before }, status: 412 },
  { headers: { "if-match": right, "if-unmodified-since": before }, status: 200 },
  { headers: { "if-none-match": '"abc"', "if-modified-since": after }, status: 200 },
  { headers: { "if-none-match": right, "if-modified-since": before }, status: 304 },
  { headers: { "if-modified-since": "yesterday" }, status: 200 },
]

test.for(conditions)("a GET with $headers is $status", async ({ headers, status }) => {
  const get = await withObject()
  const answer = await get(headers)
  expect(answer.status).toBe(status)
  if (status === 304) expect(answer).toMatchObject({ headers: { etag: right, "last-modified": written } })
  if (status === 304) expect(answer.body).toHaveLength(0)
  expect((await get(headers, "HEAD")).status).toBe(status)
})

test("an object that was not uploaded in parts is its own part 1", async () => {
  const get = await withObject()
  expect(await get({}, "GET", "?partNumber=1")).toMatchObject({ status: 206 })
  expect(await get({}, "GET", "?partNumber=2")).toMatchObject({ status: 416, code: "InvalidPartNumber" })
  expect(await get({}, "GET", "?partNumber=0")).toMatchObject({ status: 400, code: "InvalidArgument" })
  expect(await get({ range: "bytes=0-1" }, "GET", "?partNumber=1")).toMatchObject({ code: "InvalidRequest" })
})

test("without versions, only the version null is there", async () => {
  const get = await withObject()
  expect(await get({}, "GET", "?versionId=null")).toMatchObject({ status: 200 })
  expect(await get({}, "GET", "?versionId=abc")).toMatchObject({ status: 400, code: "InvalidArgument" })
})
