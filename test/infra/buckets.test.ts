import { createHash } from "node:crypto"
import { openStore } from "@imgmigrator/stores"
import { type Operation, startS3 } from "s3-local"
import { beforeAll, expect, test } from "vitest"
import { allows } from "./support/iam.ts"
import { evaluated, production } from "./support/stages.ts"
import { statements } from "./support/view.ts"

beforeAll(...evaluated)

/** What IAM asks for, by S3 operation (AWS: Required permissions for Amazon S3 API operations). */
const actions: Partial<Record<Operation, string>> = {
  ListObjectsV2: "s3:ListBucket",
  HeadBucket: "s3:ListBucket",
  ListMultipartUploads: "s3:ListBucketMultipartUploads",
  GetObject: "s3:GetObject",
  HeadObject: "s3:GetObject",
  PutObject: "s3:PutObject",
  CopyObject: "s3:PutObject",
  CreateMultipartUpload: "s3:PutObject",
  UploadPart: "s3:PutObject",
  CompleteMultipartUpload: "s3:PutObject",
  AbortMultipartUpload: "s3:AbortMultipartUpload",
  ListParts: "s3:ListMultipartUploadParts",
}

const bytes = (size: number) => Buffer.alloc(size, 7)
const sha256 = (data: Buffer) => createHash("sha256").update(data).digest()

/** Everything that a store can be asked to do. */
async function use(endpoint: string, keys: { accessKeyId: string; secretAccessKey: string }) {
  const settings = { credentials: async () => keys, allowLoopback: true, allowFile: false }
  const open = (prefix: string) => openStore({ type: "s3", bucket: "photos", prefix, endpoint }, settings)
  const [source, destination] = [await open("2024/"), await open("archive/")]
  await source.probe("read")
  await destination.probe("write")
  const image = bytes(1_000)
  const description = { contentType: "image/jpeg" }
  await source.put("a.jpg", image, { sha256: sha256(image), description, precondition: { absent: true } })
  for await (const [entry] of source.list())
    if (entry) await destination.copyFrom?.(source, entry, "a.jpg", {})
  await destination.stat({ key: "a.jpg" })
  const { body } = await source.open({ key: "a.jpg" })
  for await (const _ of body);
  const upload = await destination.begin("large.tif", { description, size: 6_000_000 })
  await destination.putPart(upload, 1, bytes(6_000_000))
  await destination.complete(upload, await destination.parts(upload), { description })
  const other = await destination.begin("other.tif", { description })
  await destination.uploads(0)
  await destination.abort(other)
  await source.close()
  await destination.close()
}

test("the worker's role allows all that a store does in a listed bucket, and nothing in another", async () => {
  const s3 = await startS3({ port: 0, buckets: ["photos"] })
  try {
    await use(s3.url, s3)
    const role = statements(await production(), "MigrationWorker")
    const may = (action: string, resource: string) => allows(role, { action, resource, partition: "" })
    const used = new Set(s3.requests.map(({ operation }) => operation))
    expect([...used].filter((each) => !each || !actions[each])).toEqual([])
    for (const { operation = "GetObject", key } of s3.requests) {
      const [action = "", inside] = [actions[operation], key === undefined ? "" : `/${key}`]
      expect([operation, may(action, `arn:aws:s3:::photos${inside}`)]).toEqual([operation, true])
      expect([operation, may(action, `arn:aws:s3:::photos-of-others${inside}`)]).toEqual([operation, false])
    }
    // Every right is needed by something.
    const needed = new Set([...used].flatMap((each) => (each ? (actions[each] ?? []) : [])))
    const given = role.flatMap(({ Action }) => Action).filter((action) => action.startsWith("s3:"))
    expect(given.filter((action) => !needed.has(action))).toEqual([])
  } finally {
    await s3.close()
  }
})
