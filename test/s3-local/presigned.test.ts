import { expect, test } from "vitest"
import { type Ask, type Signing, send, sendSigned, signed } from "./raw.ts"
import { bucket, server } from "./support.ts"

const noon = Date.parse("2026-11-24T12:00:00Z")
const minute = 60_000
const datetime = "20261124T120000Z"
const get: Ask = { path: `/${bucket}/a%20b` }
const hour: Signing = { presigned: 3600, datetime }

test("a presigned PUT stores and a presigned GET reads, without any header", async () => {
  const s3 = await server({ now: () => noon })
  const put = await sendSigned(s3, { ...get, method: "PUT", body: "hello" }, hour)
  expect(put).toMatchObject({ status: 200 })
  expect((await sendSigned(s3, get, hour)).body.toString()).toBe("hello")
})

test("a presigned address is good until its last second, and not before its first", async () => {
  let now = noon
  const s3 = await server({ now: () => now })
  const ask = await signed(s3, get, hour)
  const code = async (time: number) => {
    now = time
    const { status, code } = await send(s3, ask)
    return `${status} ${code}`
  }
  expect(await code(noon)).toBe("404 NoSuchKey")
  expect(await code(noon + 60 * minute)).toBe("404 NoSuchKey")
  expect(await code(noon + 60 * minute + 1000)).toBe("403 AccessDenied")
  expect(await code(noon - 14 * minute)).toBe("404 NoSuchKey")
  expect(await code(noon - 16 * minute)).toBe("403 AccessDenied")
})

type Tampered = { readonly what: string; readonly change: (path: string) => string }

const tampered: readonly Tampered[] = [
  { what: "the key", change: (path) => path.replace("a%20b", "c") },
  { what: "the expiry", change: (path) => path.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200") },
  { what: "the date", change: (path) => path.replace(datetime, "20261124T120001Z") },
  { what: "an added override", change: (path) => `${path}&response-content-type=text%2Fhtml` },
  { what: "the signature", change: (path) => path.replace(/X-Amz-Signature=./, "X-Amz-Signature=g") },
]

test.for(tampered)("a presigned address is refused after a change of $what", async ({ change }) => {
  const s3 = await server({ now: () => noon })
  const ask = await signed(s3, get, hour)
  const answer = await send(s3, { ...ask, path: change(ask.path) })
  expect(answer).toMatchObject({ status: 403, code: "SignatureDoesNotMatch" })
})

test("a presigned address is for its method only", async () => {
  const s3 = await server({ now: () => noon })
  const ask = await signed(s3, get, hour)
  expect(await send(s3, { ...ask, method: "DELETE" })).toMatchObject({ code: "SignatureDoesNotMatch" })
})

test.for([
  { what: "longer than a week", change: (path: string) => path.replace("Expires=3600", "Expires=604801") },
  { what: "negative", change: (path: string) => path.replace("Expires=3600", "Expires=-1") },
  { what: "no number", change: (path: string) => path.replace("Expires=3600", "Expires=soon") },
  { what: "missing", change: (path: string) => path.replace("X-Amz-Expires=3600", "") },
])("an expiry that is $what is AuthorizationQueryParametersError", async ({ change }) => {
  const s3 = await server({ now: () => noon })
  const ask = await signed(s3, get, hour)
  const answer = await send(s3, { ...ask, path: change(ask.path) })
  expect(answer).toMatchObject({ status: 400, code: "AuthorizationQueryParametersError" })
})

test("a presigned address for another region, or with a header signature beside it, is refused", async () => {
  const s3 = await server({ now: () => noon })
  expect(await sendSigned(s3, get, { ...hour, region: "eu-west-1" })).toMatchObject({
    status: 400,
    code: "AuthorizationQueryParametersError",
  })
  const ask = await signed(s3, get, hour)
  const both = { ...ask, headers: { ...ask.headers, authorization: "AWS4-HMAC-SHA256 Credential=a" } }
  expect(await send(s3, both)).toMatchObject({ status: 400, code: "InvalidArgument" })
})

test("an x-amz header that was not presigned is refused", async () => {
  const s3 = await server({ now: () => noon })
  const ask = await signed(s3, { ...get, method: "PUT", body: "x" }, hour)
  const added = { ...ask, headers: { ...ask.headers, "x-amz-meta-a": "1" } }
  expect(await send(s3, added)).toMatchObject({ status: 403, code: "AccessDenied" })
})

test("a presigned GET may set headers of its answer", async () => {
  const s3 = await server({ now: () => noon })
  await sendSigned(s3, { ...get, method: "PUT", body: "hello" }, hour)
  const overridden = {
    path: `${get.path}?response-content-type=text%2Fplain&response-cache-control=no-store`,
  }
  expect((await sendSigned(s3, overridden, hour)).headers).toMatchObject({
    "content-type": "text/plain",
    "cache-control": "no-store",
  })
})

test("a version 2 signature in the query is refused", async () => {
  const s3 = await server()
  const answer = await send(s3, { path: `${get.path}?AWSAccessKeyId=a&Signature=b&Expires=1` })
  expect(answer).toMatchObject({ status: 400, code: "InvalidRequest" })
})
