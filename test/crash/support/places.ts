import { createHash } from "node:crypto"
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { dirname, join, relative } from "node:path"
import {
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3"
import { type S3, startS3 } from "s3-local"
import type { Line } from "./control.ts"
import type { Stage } from "./stage.ts"

export type Files = ReadonlyMap<string, Buffer>

/** Where images are before or after; looked at from outside, never through our own stores. */
export type Place = {
  /** What a migration is told, and with what its calls' addresses or paths begin. */
  readonly ref: string
  readonly start: string
  /** SHA-256 of each file under its final name. */
  found(): Promise<ReadonlyMap<string, string>>
  /** What is half-way: unfinished uploads, temporary files. */
  leftovers(): Promise<readonly string[]>
  /** The keys that were written, once for each time. */
  written(lines: readonly Line[]): readonly string[]
  close(): Promise<void>
}

export const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

/** `at`: the same behind another endpoint. */
export type Bucket = Place & { readonly s3: S3; at(url: string): Pick<Place, "ref" | "start"> }

/** A bucket of a strict S3 of its own. */
export async function bucketWith(stage: Stage, bucket: string, files: Files, same?: S3): Promise<Bucket> {
  const s3 =
    same ?? (await startS3({ port: 0, now: stage.clock.now, sessionToken: "", buckets: [bucket, "copies"] }))
  const sdk = new S3Client({
    endpoint: s3.url,
    region: s3.region,
    forcePathStyle: true,
    credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
  })
  for (const [Key, Body] of files) await sdk.send(new PutObjectCommand({ Bucket: bucket, Key, Body }))
  const before = s3.requests.length
  const at = (url: string) => ({
    ref: `s3://${bucket}?endpoint=${encodeURIComponent(url)}`,
    start: `${url}/${bucket}`,
  })
  return {
    s3,
    at,
    ...at(s3.url),
    found: async () => {
      const { Contents = [] } = await sdk.send(new ListObjectsV2Command({ Bucket: bucket }))
      const keys = Contents.map(({ Key = "" }) => Key)
      const read = async (Key: string) => {
        const { Body } = await sdk.send(new GetObjectCommand({ Bucket: bucket, Key }))
        return [Key, sha256((await Body?.transformToByteArray()) ?? new Uint8Array())] as const
      }
      return new Map(await Promise.all(keys.map(read)))
    },
    leftovers: async () => {
      const { Uploads = [] } = await sdk.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
      return Uploads.map(({ Key }) => `an upload of ${Key}`)
    },
    written: () =>
      s3.requests
        .slice(before)
        .filter(
          ({ operation = "", status, ...request }) =>
            request.bucket === bucket &&
            status === 200 &&
            ["PutObject", "CompleteMultipartUpload", "CopyObject"].includes(operation),
        )
        .map(({ key = "" }) => key),
    close: async () => {
      sdk.destroy()
      if (!same) await s3.close()
    },
  }
}

/** A folder of the stage's. */
export async function folderWith(stage: Stage, name: string, files: Files): Promise<Place> {
  const start = join(stage.folder, name)
  await mkdir(start, { recursive: true })
  for (const [key, bytes] of files) {
    await mkdir(dirname(join(start, key)), { recursive: true })
    await writeFile(join(start, key), bytes)
  }
  const all = async () => {
    const entries = await readdir(start, { recursive: true, withFileTypes: true })
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(start, join(entry.parentPath, entry.name)))
  }
  const isTemporary = (path: string) => path.includes(".imgmigrator")
  return {
    ref: `file:${start}`,
    start,
    found: async () => {
      const keys = (await all()).filter((path) => !isTemporary(path))
      const read = async (key: string) => [key, sha256(await readFile(join(start, key)))] as const
      return new Map(await Promise.all(keys.map(read)))
    },
    leftovers: async () => (await all()).filter(isTemporary),
    written: (lines) =>
      lines
        .filter(
          ({ at, call, subject }) =>
            at === "after" && /^(link|rename) /.test(call) && subject.startsWith(start),
        )
        .map(({ subject }) => relative(start, subject)),
    close: async () => {},
  }
}
