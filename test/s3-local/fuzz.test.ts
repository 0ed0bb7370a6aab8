import { once } from "node:events"
import { Agent, request } from "node:http"
import { connect } from "node:net"
import { CreateMultipartUploadCommand, PutObjectCommand } from "@aws-sdk/client-s3"
import fc from "fast-check"
import { expect, onTestFinished, test } from "vitest"
import {
  canonicalRequest,
  hmacHex,
  signingKeys,
  stringToSign,
} from "../../packages/s3-local/src/auth/canonical.ts"
import { toAmzDate } from "../../packages/s3-local/src/auth/dates.ts"
import { operations } from "../../packages/s3-local/src/http/operation.ts"
import { readTarget } from "../../packages/s3-local/src/http/target.ts"
import type { S3 } from "../../packages/s3-local/src/index.ts"
import { bucket, sdk, server } from "./support.ts"

type Case = {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly sign: boolean
}

// fast-check's own `binary` makes a table of all code points first.
const anyUnit = fc.nat(0x10_ff_ff).map((code) => String.fromCodePoint(code))
const bytewise = fc.string({ unit: anyUnit, maxLength: 20 })
const names = [
  ...[
    "uploads",
    "uploadId",
    "partNumber",
    "tagging",
    "attributes",
    "delete",
    "location",
    "versioning",
    "acl",
  ],
  ...[
    "list-type",
    "prefix",
    "delimiter",
    "max-keys",
    "marker",
    "start-after",
    "continuation-token",
    "encoding-type",
  ],
  ...["key-marker", "upload-id-marker", "max-uploads", "part-number-marker", "max-parts", "versionId"],
  ...[
    "response-content-type",
    "X-Amz-Signature",
    "X-Amz-Expires",
    "X-Amz-Date",
    "X-Amz-Algorithm",
    "Signature",
  ],
]
const values = fc.oneof(
  fc.constantFrom("", "1", "0", "-1", "2", "url", "UPLOAD", "null", "99999999999", "%", "%00", "%ff", "/"),
  bytewise,
)
const query = fc
  .array(fc.tuple(fc.constantFrom(...names), values, fc.boolean()), { maxLength: 3 })
  .map((pairs) =>
    pairs
      .map(([name, value, raw]) => `${name}=${raw ? sent(value) : encodeURIComponent(wellFormed(value))}`)
      .join("&"),
  )
const key = fc.oneof(
  { weight: 3, arbitrary: fc.constant("x") },
  fc.constantFrom("", "x", "a//b", "..", "%2F", "%zz", "é"),
  bytewise,
)
/** Method and subresource of what S3 does; most cases are near one of these. */
const shapes = [
  ...["GET /", "GET /b", "GET /b?list-type=2", "GET /b?location", "GET /b?versioning", "GET /b?uploads"],
  ...[
    "HEAD /b",
    "PUT /b",
    "DELETE /b",
    "POST /b?delete",
    "GET /k",
    "HEAD /k",
    "PUT /k",
    "PUT /k copy",
    "DELETE /k",
  ],
  ...["GET /k?tagging", "PUT /k?tagging", "DELETE /k?tagging", "GET /k?attributes", "POST /k?uploads"],
  ...[
    "PUT /k?partNumber=1&uploadId=UPLOAD",
    "PUT /k?partNumber=2&uploadId=UPLOAD copy",
    "POST /k?uploadId=UPLOAD",
  ],
  ...["GET /k?uploadId=UPLOAD", "DELETE /k?uploadId=UPLOAD"],
]
const shape = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...shapes) },
  fc
    .tuple(fc.constantFrom("PATCH", "OPTIONS", "POST", "PUT", "HEAD"), fc.constantFrom("/", "/b", "/k"))
    .map((parts) => parts.join(" ")),
)
const target = fc.tuple(shape, key, query, fc.boolean(), fc.nat(9)).map(([text, name, search, raw, dice]) => {
  const [method = "", place = "", copy] = text.split(" ")
  const [where, subresource] = place.split("?")
  const named = raw ? sent(name) : encodeURIComponent(wellFormed(name))
  const path = where === "/" ? "/" : `/${dice === 0 ? "nowhere" : bucket}${where === "/k" ? `/${named}` : ""}`
  const all = [subresource, search].filter(Boolean).join("&")
  return { method, path: all ? `${path}?${all}` : path, copy: copy !== undefined }
})

const headerNames = [
  ...[
    "range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "content-md5",
    "expect",
  ],
  ...[
    "x-amz-copy-source",
    "x-amz-copy-source-range",
    "x-amz-metadata-directive",
    "x-amz-tagging",
    "x-amz-acl",
  ],
  ...["x-amz-checksum-crc32", "x-amz-checksum-sha256", "x-amz-checksum-algorithm", "x-amz-checksum-type"],
  ...[
    "x-amz-sdk-checksum-algorithm",
    "x-amz-trailer",
    "x-amz-decoded-content-length",
    "x-amz-content-sha256",
  ],
  ...[
    "x-amz-storage-class",
    "x-amz-meta-a",
    "x-amz-object-attributes",
    "x-amz-mp-object-size",
    "x-amz-max-parts",
  ],
  ...[
    "content-encoding",
    "x-amz-security-token",
    "x-amz-expected-bucket-owner",
    "authorization",
    "x-amz-date",
    "host",
  ],
]
const headerValues = fc.oneof(
  fc.constantFrom(
    "",
    "*",
    '"abc"',
    "bytes=0-",
    "bytes=9-1",
    "-1",
    "1",
    "CRC32",
    "SHA256",
    "COMPOSITE",
    "REPLACE",
  ),
  fc.constantFrom(
    `${bucket}/x`,
    "%",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
  ),
  fc.constantFrom(
    "x-amz-checksum-crc32",
    "aws-chunked",
    "Tue, 24 Nov 2026 12:00:00 GMT",
    "100-continue",
    "a=1&a=1",
  ),
  fc.string({ maxLength: 30 }).map((text) => text.replace(/[^\t\x20-\x7e]/g, "")),
)
const headers = fc.dictionary(fc.constantFrom(...headerNames), headerValues, { maxKeys: 2 })

const xml = fc.constantFrom(
  "<Delete><Object><Key>a</Key></Object></Delete>",
  "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>",
  "<CompleteMultipartUpload><Part><PartNumber>x</PartNumber></Part></CompleteMultipartUpload>",
  "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>",
  "<Tagging><TagSet/></Tagging>",
  '<!DOCTYPE a [<!ENTITY b "c">]><Delete>&b;</Delete>',
  "<CreateBucketConfiguration><LocationConstraint>x</LocationConstraint></CreateBucketConfiguration>",
  "<Delete><Object><Key>&#x110000;</Key></Object></Delete>",
  "<Delete><__proto__><Key>a</Key></__proto__><constructor/></Delete>",
  `${"<a>".repeat(2000)}`,
  "0;chunk-signature=00\r\n\r\n",
  "5\r\nhello\r\n0\r\n\r\n",
)
const body = fc.oneof(
  xml.map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
)
const cases = fc
  .record({ target, headers, body, dice: fc.nat(7) })
  .map(({ target: { method, path, copy }, headers, body, dice }): Case => {
    const extra = copy && { "x-amz-copy-source": `${bucket}/x` }
    return { method, path, headers: { ...headers, ...extra }, body, sign: dice > 0 }
  })

/** What can be put into a request line as it is. */
const sent = (text: string) =>
  Buffer.from(text)
    .toString("latin1")
    .replace(/[^\x21-\x7e]/g, "")
const wellFormed = (text: string) => text.toWellFormed()

/** A right signature, so that what is behind it is reached too. */
function sign(s3: S3, { method, path, headers }: Case): Record<string, string> {
  const amzDate = toAmzDate(Date.now())
  const all = { host: "h", "x-amz-content-sha256": "UNSIGNED-PAYLOAD", ...headers, "x-amz-date": amzDate }
  const signedHeaders = Object.keys(all).sort()
  try {
    const target = readTarget(path, all.host, s3.region)
    const scope = { date: amzDate.slice(0, 8), region: s3.region, service: "s3" }
    const text = canonicalRequest({
      method,
      target,
      headers: new Map(Object.entries(all).map(([name, value]) => [name, [value]])),
      signedHeaders,
      payloadHash: all["x-amz-content-sha256"],
    })
    const signature = hmacHex(signingKeys(s3.secretAccessKey)(scope), stringToSign(amzDate, scope, text))
    const credential = `${s3.accessKeyId}/${scope.date}/${s3.region}/s3/aws4_request`
    return {
      ...all,
      authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signedHeaders.join(";")}, Signature=${signature}`,
    }
  } catch {
    return all
  }
}

test("3,000 malformed requests, most of them well signed, get an answer that is no 500", async () => {
  const s3 = await server()
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  onTestFinished(() => agent.destroy())
  const client = sdk(s3)
  for (const Key of ["x", "keeps the bucket from being deleted"])
    await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: "x" }))
  const { UploadId = "" } = await client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: "x" }))
  const statuses = new Map<number, number>()
  const ask = (each: Case) =>
    new Promise<number>((resolve, reject) => {
      const headers = { ...(each.sign ? sign(s3, each) : each.headers), "content-length": each.body.length }
      const outgoing = request(
        { agent, port: s3.port, method: each.method, path: each.path, headers },
        (response) => {
          response.resume().on("end", () => resolve(response.statusCode ?? 0))
          response.on("error", reject)
        },
      )
      outgoing.on("error", reject)
      outgoing.end(each.body)
    })
  await fc.assert(
    fc.asyncProperty(cases, async (each) => {
      const status = await ask({ ...each, path: each.path.replace("UPLOAD", UploadId) })
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      expect(status).toBeGreaterThanOrEqual(200)
      expect(status).not.toBe(500)
    }),
    { numRuns: 3000 },
  )
  for (const status of [200, 204, 400, 403, 404, 405]) expect(statuses.get(status)).toBeGreaterThan(20)
  for (const operation of operations) expect(s3.stats()[operation]).toBeGreaterThan(10)
})

test("bytes that are no HTTP don't stop the server", async () => {
  const s3 = await server()
  const line = fc.constantFrom(
    "GET / HTTP/1.1",
    "PUT /photos/x HTTP/1.1",
    "GET",
    "\0",
    "POST /photos?delete HTTP/9.9",
  )
  const field = fc.constantFrom(
    "Host: h",
    "Content-Length: -1",
    "Content-Length: 5",
    "Transfer-Encoding: chunked",
    ": x",
    "Expect: 100-continue",
  )
  const wire = fc
    .tuple(line, fc.array(field, { maxLength: 4 }), fc.uint8Array({ maxLength: 100 }))
    .map(([first, fields, rest]) =>
      Buffer.concat([Buffer.from([first, ...fields, "", ""].join("\r\n")), Buffer.from(rest)]),
    )
  await fc.assert(
    fc.asyncProperty(wire, async (bytes) => {
      const socket = connect(s3.port, "127.0.0.1")
      socket.on("error", () => {})
      await once(socket, "connect")
      socket.resume()
      socket.end(bytes)
      await once(socket, "close")
    }),
    { numRuns: 500 },
  )
  const answer = await fetch(`${s3.url}/${bucket}/x`)
  expect(answer.status).toBe(403)
})
