import { expect, test } from "vitest"
import { send } from "./raw.ts"
import { server } from "./support.ts"

/** The worked examples of AWS's own documentation (Amazon S3 API Reference: Authenticating Requests), with its key pair. */
const examples = () =>
  server({
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    buckets: ["examplebucket"],
    now: () => Date.parse("2013-05-24T00:00:00Z"),
  })

const credential = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
const authorization = (signedHeaders: string, signature: string) =>
  `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=${signedHeaders},Signature=${signature}`
const a = (length: number) => "a".repeat(length)

test("AWS's example of a signed header is accepted, and not with another range", async () => {
  const s3 = await examples()
  const headers = {
    host: "examplebucket.s3.amazonaws.com",
    range: "bytes=0-9",
    "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "x-amz-date": "20130524T000000Z",
    authorization: authorization(
      "host;range;x-amz-content-sha256;x-amz-date",
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
  }
  expect(await send(s3, { path: "/test.txt", headers })).toMatchObject({ status: 404, code: "NoSuchKey" })
  const other = { ...headers, range: "bytes=0-99" }
  expect(await send(s3, { path: "/test.txt", headers: other })).toMatchObject({
    status: 403,
    code: "SignatureDoesNotMatch",
  })
})

test("AWS's example of a presigned address is accepted, and not under another key", async () => {
  const s3 = await examples()
  const query = `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${encodeURIComponent(credential)}&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404`
  const headers = { host: "examplebucket.s3.amazonaws.com" }
  expect(await send(s3, { path: `/test.txt?${query}`, headers })).toMatchObject({ code: "NoSuchKey" })
  expect(await send(s3, { path: `/other.txt?${query}`, headers })).toMatchObject({
    code: "SignatureDoesNotMatch",
  })
})

const chunked = {
  host: "s3.amazonaws.com",
  "x-amz-date": "20130524T000000Z",
  "x-amz-storage-class": "REDUCED_REDUNDANCY",
  "content-encoding": "aws-chunked",
  "x-amz-decoded-content-length": "66560",
}
const put = { method: "PUT", path: "/examplebucket/chunkObject.txt" }

test("AWS's example of signed chunks is accepted, and not with one byte changed", async () => {
  const s3 = await examples()
  const headers = {
    ...chunked,
    "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "content-length": "66824",
    authorization: authorization(
      "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class",
      "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    ),
  }
  const body = [
    `10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n${a(65_536)}\r\n`,
    `400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n${a(1024)}\r\n`,
    "0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n",
  ].join("")
  expect(await send(s3, { ...put, headers, body })).toMatchObject({ status: 200 })
  const changed = body.replace(/aaa\r\n0;/, "aab\r\n0;")
  expect(await send(s3, { ...put, headers, body: changed })).toMatchObject({
    status: 403,
    code: "SignatureDoesNotMatch",
  })
})

test("AWS's example of signed chunks with a signed trailer is accepted, and not with another checksum", async () => {
  const s3 = await examples()
  const headers = {
    ...chunked,
    "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "x-amz-trailer": "x-amz-checksum-crc32c",
    authorization: authorization(
      "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
      "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    ),
  }
  const body = [
    `10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n${a(65_536)}\r\n`,
    `400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n${a(1024)}\r\n`,
    "0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n",
    "x-amz-checksum-crc32c:sOO8/Q==\r\n",
    "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n",
  ].join("")
  expect(await send(s3, { ...put, headers, body })).toMatchObject({ status: 200 })
  const changed = body.replace("sOO8/Q==", "sOO8/A==")
  expect(await send(s3, { ...put, headers, body: changed })).toMatchObject({ status: 403 })
})
