import { createHash, randomBytes } from "node:crypto"
import { Crc32c } from "@aws-crypto/crc32c"
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3"
import { Crc64Nvme } from "@aws-sdk/crc64-nvme"
import fc from "fast-check"
import { expect, test } from "vitest"
import {
  type Algorithm,
  algorithms,
  checksumHeader,
  hasherOf,
  isCrc,
} from "../../packages/s3-local/src/checksums/algorithms.ts"
import { combineCrcs } from "../../packages/s3-local/src/checksums/combine.ts"
import { sendSigned } from "./raw.ts"
import { bucket, bytes, sdk, server } from "./support.ts"

const digest = (algorithm: Algorithm, body: Uint8Array) => {
  const hasher = hasherOf(algorithm)
  hasher.update(body)
  return hasher.digest()
}

test("our CRC32C and CRC64NVME are those of AWS's own packages, for every length and split", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(400_000), fc.nat(), fc.nat(), async (length, seed, cut) => {
      const body = bytes(length, seed)
      const at = cut % (length + 1)
      const [ours32, ours64] = [hasherOf("CRC32C"), hasherOf("CRC64NVME")]
      for (const hasher of [ours32, ours64]) {
        hasher.update(body.subarray(0, at))
        hasher.update(body.subarray(at))
      }
      const theirs64 = new Crc64Nvme()
      theirs64.update(body)
      expect(ours32.digest().readUInt32BE()).toBe(new Crc32c().update(body).digest())
      expect(ours64.digest()).toEqual(Buffer.from(await theirs64.digest()))
    }),
    { numRuns: 25 },
  )
})

test("CRCs of pieces combine to the CRC of the whole", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...algorithms.filter(isCrc)),
      fc.array(fc.uint8Array(), { minLength: 1 }),
      (algorithm, pieces) => {
        const checked = pieces.map((piece) => ({ digest: digest(algorithm, piece), size: piece.length }))
        expect(combineCrcs(algorithm, checked)).toEqual(digest(algorithm, Buffer.concat(pieces)))
      },
    ),
  )
})

const put = { method: "PUT", path: `/${bucket}/x` }

test.for(algorithms)(
  "a right %s is stored, echoed and returned; a wrong one is BadDigest and stores nothing",
  async (algorithm) => {
    const s3 = await server()
    const body = bytes(70_000)
    const value = digest(algorithm, body).toString("base64")
    const wrong = digest(algorithm, Buffer.from("other")).toString("base64")
    const refused = await sendSigned(s3, { ...put, body, headers: { [checksumHeader(algorithm)]: wrong } })
    expect(refused).toMatchObject({ status: 400, code: "BadDigest" })
    expect(await sendSigned(s3, { path: put.path })).toMatchObject({ status: 404 })
    const answer = await sendSigned(s3, { ...put, body, headers: { [checksumHeader(algorithm)]: value } })
    expect(answer.headers).toMatchObject({
      [checksumHeader(algorithm)]: value,
      "x-amz-checksum-type": "FULL_OBJECT",
    })
    const got = await sdk(s3).send(
      new GetObjectCommand({ Bucket: bucket, Key: "x", ChecksumMode: "ENABLED" }),
    )
    expect(got).toMatchObject({ [`Checksum${algorithm}`]: value, ChecksumType: "FULL_OBJECT" })
    const silent = await sendSigned(s3, { path: put.path })
    expect(silent.headers).not.toHaveProperty(checksumHeader(algorithm))
  },
)

test.for(algorithms)("the SDK sends %s and finds it again", async (algorithm) => {
  const client = sdk(await server())
  const at = { Bucket: bucket, Key: "x" }
  const sent = await client.send(
    new PutObjectCommand({ ...at, Body: bytes(9000), ChecksumAlgorithm: algorithm }),
  )
  const head = await client.send(new HeadObjectCommand({ ...at, ChecksumMode: "ENABLED" }))
  expect(head[`Checksum${algorithm}`]).toBe(digest(algorithm, bytes(9000)).toString("base64"))
  expect(sent[`Checksum${algorithm}`]).toBe(head[`Checksum${algorithm}`])
})

test("an object put without a checksum has CRC64NVME, as S3 adds it", async () => {
  const s3 = await server()
  const body = bytes(1000)
  const value = digest("CRC64NVME", body).toString("base64")
  expect((await sendSigned(s3, { ...put, body })).headers).toMatchObject({
    "x-amz-checksum-crc64nvme": value,
  })
})

test("a wrong Content-MD5 is BadDigest, one that is none InvalidDigest", async () => {
  const s3 = await server()
  const md5 = (text: string) => createHash("md5").update(text).digest("base64")
  const code = async (value: string) =>
    (await sendSigned(s3, { ...put, body: "right", headers: { "content-md5": value } })).code
  expect(await code(md5("wrong"))).toBe("BadDigest")
  expect(await code("no digest")).toBe("InvalidDigest")
  expect(await sendSigned(s3, { path: put.path })).toMatchObject({ status: 404 })
  expect(await code(md5("right"))).toBe("")
})

test("two checksums, one that is none, and algorithms that this server lacks are refused", async () => {
  const s3 = await server()
  const code = async (headers: Record<string, string>) => {
    const { status, code } = await sendSigned(s3, { ...put, body: "x", headers })
    return `${status} ${code}`
  }
  const crc32 = digest("CRC32", Buffer.from("x")).toString("base64")
  const sha1 = digest("SHA1", Buffer.from("x")).toString("base64")
  expect(await code({ "x-amz-checksum-crc32": crc32, "x-amz-checksum-sha1": sha1 })).toBe(
    "400 InvalidRequest",
  )
  expect(await code({ "x-amz-checksum-crc32": "no" })).toBe("400 InvalidRequest")
  expect(await code({ "x-amz-checksum-crc32": sha1 })).toBe("400 InvalidRequest")
  expect(await code({ "x-amz-sdk-checksum-algorithm": "CRC32" })).toBe("400 InvalidRequest")
  expect(await code({ "x-amz-sdk-checksum-algorithm": "SHA1", "x-amz-checksum-crc32": crc32 })).toBe(
    "400 InvalidRequest",
  )
  expect(await code({ "x-amz-checksum-sha512": randomBytes(64).toString("base64") })).toBe(
    "501 NotImplemented",
  )
})

test("a range has no checksum, as S3's is of the whole", async () => {
  const s3 = await server()
  await sendSigned(s3, { ...put, body: "hello" })
  const headers = { "x-amz-checksum-mode": "ENABLED", range: "bytes=0-1" }
  const part = await sendSigned(s3, { path: put.path, headers })
  expect(part.status).toBe(206)
  expect(part.headers).not.toHaveProperty("x-amz-checksum-crc64nvme")
})
