import { createHash } from "node:crypto"
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3"
import { expect, test } from "vitest"
import { type Ask, type Signing, send, sendSigned, signed } from "./raw.ts"
import { bucket, refusal, sdk, server } from "./support.ts"

const noon = Date.parse("2026-11-24T12:00:00Z")
const at = (ms: number) => new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, "")
const now = { datetime: at(noon) }
const get: Ask = { path: `/${bucket}/x` }

test("an anonymous request is refused", async () => {
  const s3 = await server()
  expect(await send(s3, get)).toMatchObject({ status: 403, code: "AccessDenied" })
})

test("the wrong secret is SignatureDoesNotMatch, with what the server computed", async () => {
  const s3 = await server({ now: () => noon })
  const answer = await sendSigned(s3, get, { ...now, secretAccessKey: "wrong" })
  expect(answer).toMatchObject({ status: 403, code: "SignatureDoesNotMatch" })
  expect(answer.body.toString()).toContain("<StringToSign>AWS4-HMAC-SHA256\n".replace("\n", "&#xA;"))
  expect(answer.body.toString()).not.toContain(s3.secretAccessKey)
})

test("a key id that nobody has is InvalidAccessKeyId", async () => {
  const client = sdk(await server(), { credentials: { accessKeyId: "NOBODY", secretAccessKey: "secret" } })
  const head = client.send(new GetObjectCommand({ Bucket: bucket, Key: "x" }))
  expect(await refusal(head)).toEqual({ status: 403, code: "InvalidAccessKeyId" })
})

type Tampered = { readonly what: string; readonly change: (ask: Ask) => Ask }

const tampered: readonly Tampered[] = [
  { what: "the method", change: (ask) => ({ ...ask, method: "DELETE" }) },
  { what: "the key", change: (ask) => ({ ...ask, path: ask.path.replace("/x?", "/y?") }) },
  { what: "the query", change: (ask) => ({ ...ask, path: `${ask.path}&versionId=null` }) },
  { what: "the host", change: (ask) => ({ ...ask, headers: { ...ask.headers, host: "localhost" } }) },
  {
    what: "a signed header",
    change: (ask) => ({ ...ask, headers: { ...ask.headers, "x-amz-acl": "other" } }),
  },
]

test.for(tampered)("a signed request is refused after a change of $what", async ({ change }) => {
  const s3 = await server()
  const ask = { method: "PUT", path: `/${bucket}/x?x-id=PutObject`, headers: { "x-amz-acl": "private" } }
  const good = await signed(s3, ask)
  expect(await send(s3, good)).toMatchObject({ status: 200 })
  expect(await send(s3, change(good))).toMatchObject({ status: 403, code: "SignatureDoesNotMatch" })
})

test("an x-amz header or a Host that is not signed is refused", async () => {
  const s3 = await server()
  const good = await signed(s3, get)
  const added = { ...good, headers: { ...good.headers, "x-amz-meta-a": "1" } }
  expect(await send(s3, added)).toMatchObject({ status: 403, code: "AccessDenied" })
  const authorization = String(good.headers?.authorization).replace("SignedHeaders=host;", "SignedHeaders=")
  const hostless = { ...good, headers: { ...good.headers, authorization } }
  expect(await send(s3, hostless)).toMatchObject({ status: 403, code: "AccessDenied" })
})

test("repeated headers and runs of spaces are signed as AWS folds them", async () => {
  const s3 = await server()
  const folded = await signed(s3, { method: "PUT", path: get.path, headers: { "x-amz-meta-a": "1 2,3" } })
  const sent = { ...folded, headers: { ...folded.headers, "x-amz-meta-a": ["1   2", "3"] } }
  expect(await send(s3, sent)).toMatchObject({ status: 200 })
})

test.for([
  { minutes: -16, code: "RequestTimeTooSkewed" },
  { minutes: 16, code: "RequestTimeTooSkewed" },
  { minutes: -14, code: "NoSuchKey" },
  { minutes: 14, code: "NoSuchKey" },
])("a client whose clock is $minutes minutes off gets $code", async ({ minutes, code }) => {
  const s3 = await server({ now: () => noon })
  expect(await sendSigned(s3, get, { datetime: at(noon + minutes * 60_000) })).toMatchObject({ code })
})

const wrongScopes: readonly (Signing & { readonly names: string })[] = [
  { names: "another region", region: "eu-west-1" },
  { names: "another service", service: "dynamodb" },
]

test.for(wrongScopes)("a credential for $names is AuthorizationHeaderMalformed", async (signing) => {
  const s3 = await server()
  const answer = await sendSigned(
    s3,
    { ...get, headers: { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } },
    signing,
  )
  expect(answer).toMatchObject({ status: 400, code: "AuthorizationHeaderMalformed" })
  if (signing.region) expect(answer.headers["x-amz-bucket-region"]).toBe("us-east-1")
})

test.for([
  { authorization: "AWS AKIDLOCAL:abc=", status: 400, code: "InvalidRequest" },
  { authorization: "AWS4-ECDSA-P256-SHA256 Credential=a", status: 400, code: "InvalidRequest" },
  { authorization: "Bearer x", status: 400, code: "InvalidArgument" },
  { authorization: "AWS4-HMAC-SHA256 Credential=a", status: 400, code: "AuthorizationHeaderMalformed" },
  {
    authorization: "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=0",
    status: 400,
    code: "AuthorizationHeaderMalformed",
  },
  {
    authorization:
      "AWS4-HMAC-SHA256 Credential=AKIDLOCAL/20261123/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
    status: 400,
    code: "AuthorizationHeaderMalformed",
  },
])("Authorization: $authorization is $code", async ({ authorization, status, code }) => {
  const s3 = await server({ now: () => noon })
  const headers = { authorization, "x-amz-date": at(noon), "x-amz-content-sha256": "UNSIGNED-PAYLOAD" }
  expect(await send(s3, { ...get, headers })).toMatchObject({ status, code })
})

test("x-amz-content-sha256 must be there, be one of its kinds, and be the body's", async () => {
  const s3 = await server()
  const put = (sha256: string, body: string) =>
    sendSigned(s3, { method: "PUT", path: get.path, headers: { "x-amz-content-sha256": sha256 }, body })
  const hash = createHash("sha256").update("right").digest("hex")
  expect(await put(hash, "right")).toMatchObject({ status: 200 })
  expect(await put(hash, "wrong")).toMatchObject({ status: 400, code: "XAmzContentSHA256Mismatch" })
  expect(await put("UNSIGNED", "right")).toMatchObject({ status: 400, code: "InvalidArgument" })
  const good = await signed(s3, get)
  const { "x-amz-content-sha256": _, ...headers } = good.headers ?? {}
  expect(await send(s3, { ...good, headers })).toMatchObject({ status: 400, code: "InvalidRequest" })
  expect((await sendSigned(s3, get)).body.toString()).toBe("right")
})

test("a session token is good only where the server was started with it", async () => {
  const credentials = { accessKeyId: "AKIDLOCAL", secretAccessKey: "secret", sessionToken: "token" }
  const put = new PutObjectCommand({ Bucket: bucket, Key: "x", Body: "x" })
  const without = await server({ sessionToken: "other" })
  expect(await refusal(sdk(without, { credentials }).send(put))).toEqual({
    status: 400,
    code: "InvalidToken",
  })
  const withIt = await server({ sessionToken: "token" })
  await sdk(withIt, { credentials }).send(put)
  await sdk(withIt).send(put)
})

test("a HEAD that is refused has a status and no body", async () => {
  const client = sdk(await server(), { credentials: { accessKeyId: "AKIDLOCAL", secretAccessKey: "wrong" } })
  const head = client.send(new HeadObjectCommand({ Bucket: bucket, Key: "x" }))
  expect(await refusal(head)).toMatchObject({ status: 403 })
})
