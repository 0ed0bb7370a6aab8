import { createHash, createHmac } from "node:crypto"
import { connect } from "node:net"
import { crc32 } from "node:zlib"
import { expect, onTestFinished, test } from "vitest"
import type { S3 } from "../../packages/s3-local/src/index.ts"
import { type Answer, type Ask, send, sendSigned, signed } from "./raw.ts"
import { bucket, bytes, server } from "./support.ts"

const path = `/${bucket}/chunked`
const noon = Date.parse("2026-11-24T12:00:00Z")
const datetime = "20261124T120000Z"
const scope = "20261124/us-east-1/s3/aws4_request"
const strict = () => server({ now: () => noon })

const hmac = (key: Buffer | string, text: string) => createHmac("sha256", key).update(text).digest()
const sha256 = (data: string | Buffer) => createHash("sha256").update(data).digest("hex")
const signingKey = (secret: string) =>
  scope.split("/").reduce<Buffer | string>((key, part) => hmac(key, part), `AWS4${secret}`)

type Options = {
  readonly chunks: readonly Buffer[]
  readonly trailer?: string
  readonly bendChunk?: (signature: string, at: number) => string
  readonly bendTrailer?: (signature: string) => string
  readonly length?: number
}

/** A put with signed chunks, made from AWS's description alone. */
async function putSigned(s3: S3, options: Options): Promise<Answer> {
  const {
    chunks,
    trailer,
    bendChunk = (signature) => signature,
    bendTrailer = (signature) => signature,
  } = options
  const length = options.length ?? chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  const ask: Ask = {
    method: "PUT",
    path,
    headers: {
      "x-amz-content-sha256": `STREAMING-AWS4-HMAC-SHA256-PAYLOAD${trailer === undefined ? "" : "-TRAILER"}`,
      "x-amz-decoded-content-length": String(length),
      "content-encoding": "aws-chunked",
      ...(trailer !== undefined && { "x-amz-trailer": trailer.slice(0, trailer.indexOf(":")) }),
    },
  }
  const head = await signed(s3, ask, { datetime })
  const key = signingKey(s3.secretAccessKey)
  let before = /Signature=(\w+)/.exec(String(head.headers?.authorization))?.[1] ?? ""
  const parts = [...chunks, Buffer.alloc(0)].map((chunk, at) => {
    const text = ["AWS4-HMAC-SHA256-PAYLOAD", datetime, scope, before, sha256(""), sha256(chunk)].join("\n")
    before = bendChunk(hmac(key, text).toString("hex"), at)
    const end = chunk.length > 0 ? "\r\n" : ""
    return Buffer.concat([
      Buffer.from(`${chunk.length.toString(16)};chunk-signature=${before}\r\n`),
      chunk,
      Buffer.from(end),
    ])
  })
  const text = ["AWS4-HMAC-SHA256-TRAILER", datetime, scope, before, sha256(`${trailer}\n`)].join("\n")
  const signature = bendTrailer(hmac(key, text).toString("hex"))
  const end = trailer === undefined ? "\r\n" : `${trailer}\r\nx-amz-trailer-signature:${signature}\r\n\r\n`
  return send(s3, { ...head, body: Buffer.concat([...parts, Buffer.from(end)]) })
}

/** A put with unsigned chunks; `body` is the framing as it goes over the wire. */
const putUnsigned = (s3: S3, length: number, body: string | Buffer, headers: Record<string, string> = {}) =>
  sendSigned(s3, {
    method: "PUT",
    path,
    body,
    headers: {
      "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      "x-amz-decoded-content-length": String(length),
      ...headers,
    },
  })

const body = bytes(30_000)
const chunks = [body.subarray(0, 10_000), body.subarray(10_000, 20_000), body.subarray(20_000)]
const crc = (data: Buffer | string) => {
  const value = Buffer.alloc(4)
  value.writeUInt32BE(crc32(data))
  return value.toString("base64")
}

test("signed chunks, with and without a signed trailer, store the payload alone", async () => {
  const s3 = await strict()
  const trailer = `x-amz-checksum-crc32:${crc(body)}`
  for (const options of [{ chunks }, { chunks, trailer }]) {
    expect(await putSigned(s3, options)).toMatchObject({ status: 200 })
    const got = await sendSigned(s3, { path }, { datetime })
    expect(got.body.equals(body)).toBe(true)
    expect(got.headers).not.toHaveProperty("content-encoding")
  }
})

test.for([0, 1, 3])("a wrong signature of chunk %i is refused and nothing is stored", async (wrong) => {
  const s3 = await strict()
  const bendChunk = (signature: string, at: number) => (at === wrong ? "0".repeat(64) : signature)
  expect(await putSigned(s3, { chunks, bendChunk })).toMatchObject({
    status: 403,
    code: "SignatureDoesNotMatch",
  })
  expect(await sendSigned(s3, { path }, { datetime })).toMatchObject({ status: 404 })
})

test("a refusal in the middle of a long body arrives, and the connection lives on", async () => {
  const s3 = await server()
  const ask = await signed(s3, {
    method: "PUT",
    path,
    headers: {
      "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      "x-amz-decoded-content-length": "4000000",
    },
  })
  const wire = Buffer.concat([
    Buffer.from("10000\r\n"),
    Buffer.alloc(65_536),
    Buffer.from("no CRLF"),
    Buffer.alloc(4_000_000),
  ])
  const headers = Object.entries({ ...ask.headers, "content-length": wire.length })
  const socket = connect(s3.port, "127.0.0.1")
  onTestFinished(() => void socket.destroy())
  let answers = ""
  socket.on("data", (chunk) => {
    answers += chunk
  })
  socket.write(
    `PUT ${path} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
  )
  socket.write(wire)
  socket.write(`GET ${path} HTTP/1.1\r\nhost: h\r\n\r\n`)
  await expect
    .poll(() => answers)
    .toMatch(/^HTTP\/1.1 400 .*<Code>IncompleteBody<.*HTTP\/1.1 403 .*<Code>AccessDenied</s)
})

test("a trailer with a wrong signature or a wrong checksum is refused", async () => {
  const s3 = await strict()
  const trailer = `x-amz-checksum-crc32:${crc(body)}`
  expect(await putSigned(s3, { chunks, trailer, bendTrailer: () => "0".repeat(64) })).toMatchObject({
    status: 403,
    code: "SignatureDoesNotMatch",
  })
  const other = `x-amz-checksum-crc32:${crc("other")}`
  expect(await putSigned(s3, { chunks, trailer: other })).toMatchObject({ status: 400, code: "BadDigest" })
  expect(await sendSigned(s3, { path }, { datetime })).toMatchObject({ status: 404 })
})

test("a chunk below 8 KB that is not the last is InvalidChunkSizeError", async () => {
  const s3 = await strict()
  const short = [body.subarray(0, 8191), body.subarray(8191)]
  expect(await putSigned(s3, { chunks: short })).toMatchObject({ status: 403, code: "InvalidChunkSizeError" })
  expect(await putSigned(s3, { chunks: [body.subarray(0, 8192), body.subarray(8192)] })).toMatchObject({
    status: 200,
  })
})

test("more or fewer bytes than announced are IncompleteBody", async () => {
  const s3 = await strict()
  for (const length of [29_999, 30_001])
    expect(await putSigned(s3, { chunks, length })).toMatchObject({ status: 400, code: "IncompleteBody" })
})

const trailers = (text: string) => `5\r\nhello\r\n0\r\n${text}\r\n`
const crcTrailer = { "x-amz-trailer": "x-amz-checksum-crc32" }

test("unsigned chunks with a checksum in the trailer are stored if it is right", async () => {
  const s3 = await server()
  const right = await putUnsigned(s3, 5, trailers(`x-amz-checksum-crc32:${crc("hello")}\r\n`), crcTrailer)
  expect(right).toMatchObject({ status: 200 })
  expect(right.headers["x-amz-checksum-crc32"]).toBe(crc("hello"))
  const wrong = await putUnsigned(s3, 5, trailers(`x-amz-checksum-crc32:${crc("hullo")}\r\n`), crcTrailer)
  expect(wrong).toMatchObject({ status: 400, code: "BadDigest" })
})

test.for([
  { what: "no trailer though one was announced", wire: trailers(""), code: "MalformedTrailerError" },
  {
    what: "a trailer without a colon",
    wire: trailers("x-amz-checksum-crc32\r\n"),
    code: "MalformedTrailerError",
  },
  { what: "another trailer", wire: trailers("x-amz-checksum-sha1:abc\r\n"), code: "MalformedTrailerError" },
  { what: "no chunk size", wire: "hello\r\n", code: "IncompleteBody" },
  { what: "a chunk longer than its size", wire: "4\r\nhello\r\n0\r\n\r\n", code: "IncompleteBody" },
  { what: "an end in the middle of a chunk", wire: "5\r\nhel", code: "IncompleteBody" },
  { what: "no last chunk", wire: "5\r\nhello\r\n", code: "IncompleteBody" },
  { what: "an endless chunk header", wire: `${"1".repeat(5000)}\r\n`, code: "IncompleteBody" },
  {
    what: "something behind the end",
    wire: `${trailers(`x-amz-checksum-crc32:${crc("hello")}\r\n`)}more`,
    code: "IncompleteBody",
  },
])("a body with $what is $code", async ({ wire, code }) => {
  const s3 = await server()
  expect(await putUnsigned(s3, 5, wire, crcTrailer)).toMatchObject({ status: 400, code })
  expect(await sendSigned(s3, { path })).toMatchObject({ status: 404 })
})

test("an aws-chunked body without its decoded length is MissingContentLength", async () => {
  const s3 = await server()
  const headers = { "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", ...crcTrailer }
  expect(await sendSigned(s3, { method: "PUT", path, body: "0\r\n\r\n", headers })).toMatchObject({
    status: 411,
    code: "MissingContentLength",
  })
})

test("a plain body with a trailer announced is refused, as no trailer can follow", async () => {
  const s3 = await server()
  const answer = await sendSigned(s3, { method: "PUT", path, body: "hello", headers: crcTrailer })
  expect(answer).toMatchObject({ status: 400, code: "MalformedTrailerError" })
})
