import { createHash } from "node:crypto"
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3"
import { expect, test } from "vitest"
import type { Effect, PageFault } from "../../packages/s3-local/src/index.ts"
import { sendSigned } from "./raw.ts"
import { bucket, bytes, refusal, sdk, server } from "./support.ts"

const path = `/${bucket}/x`
const get = { path }
const put = (body: Buffer | string) => ({ method: "PUT", path, body })
const failure = (call: Promise<unknown>) =>
  call.then(
    () => "no failure",
    (error: Error) => ("code" in error ? error.code : error.message),
  )

test("a fault is for the requests that it is meant for, so many times", async () => {
  const s3 = await server()
  await sendSigned(s3, put("x"))
  s3.faults.inject({
    effect: { kind: "answer", code: "SlowDown", retryAfter: 2 },
    when: ({ operation, key, bucket: where, method }) =>
      operation === "GetObject" && key === "x" && where === bucket && method === "GET",
    times: 2,
  })
  expect(await sendSigned(s3, { method: "HEAD", path })).toMatchObject({ status: 200 })
  expect(await sendSigned(s3, { path: `/${bucket}/y` })).toMatchObject({ status: 404 })
  for (let time = 0; time < 2; time++)
    expect(await sendSigned(s3, get)).toMatchObject({
      status: 503,
      code: "SlowDown",
      headers: { "retry-after": "2" },
    })
  expect(await sendSigned(s3, get)).toMatchObject({ status: 200 })
  expect(s3.faults.injected).toBe(2)
  expect(s3.requests.filter(({ status }) => status === 503)).toHaveLength(2)
})

test("faults are switched off one by one or all together", async () => {
  const s3 = await server()
  const effect: Effect = { kind: "answer", code: "AccessDenied" }
  const off = s3.faults.inject({ effect, times: Number.POSITIVE_INFINITY })
  expect(await sendSigned(s3, get)).toMatchObject({ status: 403, code: "AccessDenied" })
  off()
  expect(await sendSigned(s3, get)).toMatchObject({ status: 404 })
  s3.faults.inject({ effect, times: Number.POSITIVE_INFINITY })
  s3.faults.clear()
  expect(await sendSigned(s3, get)).toMatchObject({ status: 404 })
})

test.for([
  { code: "SlowDown", status: 503 },
  { code: "TooManyRequests", status: 429 },
  { code: "AccessDenied", status: 403 },
  { code: "InternalError", status: 500 },
  { code: "ConditionalRequestConflict", status: 409 },
] as const)(
  "$code is answered with $status, without Retry-After unless it is set, and nothing is done",
  async ({ code, status }) => {
    const s3 = await server()
    s3.faults.inject({ effect: { kind: "answer", code } })
    const answer = await sendSigned(s3, put(bytes(300_000)))
    expect(answer).toMatchObject({ status, code })
    expect(answer.headers).not.toHaveProperty("retry-after")
    expect(await sendSigned(s3, get)).toMatchObject({ status: 404 })
  },
)

test("a lost response is of work that was done", async () => {
  const s3 = await server()
  s3.faults.inject({ effect: { kind: "lose-response" } })
  expect(await failure(sendSigned(s3, put("kept")))).toBe("ECONNRESET")
  expect(s3.requests).toMatchObject([{ operation: "PutObject", status: 0 }])
  expect((await sendSigned(s3, get)).body.toString()).toBe("kept")
})

test("a reset comes before the work, or in the middle of a body", async () => {
  const s3 = await server()
  s3.faults.inject({ effect: { kind: "reset" } })
  expect(await failure(sendSigned(s3, put("x")))).toMatch(/ECONNRESET|EPIPE/)
  s3.faults.inject({ effect: { kind: "reset", after: 100_000 } })
  expect(await failure(sendSigned(s3, put(bytes(300_000))))).toMatch(/ECONNRESET|EPIPE/)
  expect(await sendSigned(s3, get)).toMatchObject({ status: 404 })
  await sendSigned(s3, put(bytes(300_000)))
  s3.faults.inject({ effect: { kind: "reset", after: 100_000 } })
  expect(await failure(sendSigned(s3, get))).toBe("ECONNRESET")
})

test("a cut body ends early under a Content-Length that promised more", async () => {
  const s3 = await server()
  await sendSigned(s3, put(bytes(300_000)))
  const client = sdk(s3)
  for (const effect of [{ kind: "cut" }, { kind: "cut", after: 10 }, { kind: "cut", after: 0 }] as const) {
    s3.faults.inject({ effect })
    const got = await client.send(new GetObjectCommand({ Bucket: bucket, Key: "x" }))
    expect(got.ContentLength).toBe(300_000)
    expect(await failure(got.Body?.transformToByteArray() ?? Promise.resolve())).toBe("ECONNRESET")
  }
})

test("a cut listing is no listing", async () => {
  const s3 = await server()
  await sendSigned(s3, put("x"))
  s3.faults.inject({ effect: { kind: "cut" } })
  expect(await failure(sendSigned(s3, { path: `/${bucket}?list-type=2` }))).toBe("ECONNRESET")
})

test("one flipped bit is found by the SDK's own check, and the headers are those of the right bytes", async () => {
  const s3 = await server()
  const client = sdk(s3)
  const body = bytes(300_000)
  const at = { Bucket: bucket, Key: "x" }
  await client.send(new PutObjectCommand({ ...at, Body: body }))
  s3.faults.inject({ effect: { kind: "flip" }, times: 2 })
  const checked = await client.send(new GetObjectCommand(at))
  expect(await failure(checked.Body?.transformToByteArray() ?? Promise.resolve())).toMatch(
    /Checksum mismatch/,
  )
  const { headers, body: flipped } = await sendSigned(s3, get)
  expect(headers.etag).toBe(`"${createHash("md5").update(body).digest("hex")}"`)
  expect(flipped).toHaveLength(body.length)
  expect([...flipped].filter((byte, index) => byte !== body[index])).toHaveLength(1)
  expect(flipped[150_000]).toBe((body[150_000] ?? 0) ^ 1)
})

test("a slow body passes at the rate that was set, and whole", async () => {
  const s3 = await server()
  const body = bytes(20_000)
  s3.faults.inject({ effect: { kind: "slow", bytesPerSecond: 100_000 }, times: 2 })
  const began = performance.now()
  expect(await sendSigned(s3, put(body))).toMatchObject({ status: 200 })
  expect((await sendSigned(s3, get)).body.equals(body)).toBe(true)
  expect(performance.now() - began).toBeGreaterThan(350)
})

test("a stalled body stops half-way and says nothing until the client gives up", async () => {
  const s3 = await server()
  await sendSigned(s3, put(bytes(200_000)))
  s3.faults.inject({ effect: { kind: "stall" } })
  const abort = new AbortController()
  const got = await sdk(s3).send(new GetObjectCommand({ Bucket: bucket, Key: "x" }), {
    abortSignal: abort.signal,
  })
  let read = 0
  const reading = (async () => {
    // The SDK types a body for browsers too; in Node it is a stream.
    for await (const chunk of got.Body as AsyncIterable<Buffer>) {
      read += chunk.length
      if (read === 100_000) setImmediate(() => (got.Body as unknown as { destroy(): void }).destroy())
    }
  })()
  await reading.catch(() => {})
  expect(read).toBe(100_000)
})

test("a stalled upload is read half-way and never answered", async () => {
  const s3 = await server()
  s3.faults.inject({ effect: { kind: "stall", after: 10 } })
  const call = failure(sendSigned(s3, put("x".repeat(100))))
  await expect.poll(() => s3.faults.injected).toBe(1)
  await s3.close()
  expect(await call).toBe("ECONNRESET")
})

test("a wrong ETag is told of a right object", async () => {
  const s3 = await server()
  s3.faults.inject({ effect: { kind: "wrong-etag" } })
  const wrong = await sendSigned(s3, put("hello"))
  expect(wrong.headers.etag).toBe(`"${"0".repeat(32)}"`)
  expect((await sendSigned(s3, get)).headers.etag).toBe('"5d41402abc4b2a76b9719d911017c592"')
})

test("a completion can fail with status 200, and can be done again", async () => {
  const s3 = await server()
  const client = sdk(s3, { requestChecksumCalculation: "WHEN_REQUIRED" })
  const at = { Bucket: bucket, Key: "x" }
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(at))
  const { ETag } = await client.send(new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: "x" }))
  const complete = new CompleteMultipartUploadCommand({
    ...at,
    UploadId,
    MultipartUpload: { Parts: [{ ETag, PartNumber: 1 }] },
  })
  s3.faults.inject({
    effect: { kind: "error-in-200" },
    when: ({ operation }) => operation === "CompleteMultipartUpload",
  })
  expect(await refusal(client.send(complete))).toMatchObject({ code: "InternalError" })
  expect(s3.requests.at(-1)).toMatchObject({ operation: "CompleteMultipartUpload", status: 200 })
  expect(await refusal(client.send(new HeadObjectCommand(at)))).toMatchObject({ status: 404 })
  await client.send(complete)
})

test("a clock that is wrong refuses what was signed by a right one", async () => {
  const s3 = await server()
  s3.faults.inject({ effect: { kind: "skew", ms: 20 * 60_000 } })
  const refused = await sendSigned(s3, get)
  expect(refused).toMatchObject({ status: 403, code: "RequestTimeTooSkewed" })
  expect(Date.parse(String(refused.headers.date)) - Date.now()).toBeGreaterThan(15 * 60_000)
  expect(await sendSigned(s3, get)).toMatchObject({ status: 404 })
})

async function pages(page: PageFault) {
  const s3 = await server()
  const client = sdk(s3)
  for (const Key of ["a", "b", "c", "d", "e", "f"])
    await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: "x" }))
  const keys: string[] = []
  const tokens: (string | undefined)[] = []
  let ContinuationToken: string | undefined
  for (let count = 0; count < 6; count++) {
    if (count === 1)
      s3.faults.inject({
        effect: { kind: "listing", page },
        times: page === "loop" ? Number.POSITIVE_INFINITY : 1,
      })
    const listed = await client.send(
      new ListObjectsV2Command({ Bucket: bucket, MaxKeys: 2, ContinuationToken }),
    )
    keys.push((listed.Contents ?? []).map(({ Key }) => Key).join(""))
    tokens.push(listed.NextContinuationToken)
    ContinuationToken = listed.NextContinuationToken
    if (!listed.IsTruncated) break
  }
  return { keys, tokens }
}

test("a listing can give the same page twice, under two tokens", async () => {
  const { keys, tokens } = await pages("repeat")
  expect(keys).toEqual(["ab", "cd", "cd", "ef"])
  expect(new Set(tokens).size).toBe(tokens.length)
})

test("a listing can leave a page out", async () => {
  expect((await pages("skip")).keys).toEqual(["ab", "cd"])
})

test("a listing can go round and round on one token", async () => {
  const { keys, tokens } = await pages("loop")
  expect(keys).toEqual(["ab", "cd", "cd", "cd", "cd", "cd"])
  expect(new Set(tokens).size).toBe(1)
})
