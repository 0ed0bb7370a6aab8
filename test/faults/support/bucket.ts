import { AwsClient } from "aws4fetch"
import type { S3 } from "s3-local"

export type Bucket = ReturnType<typeof bucketOf>

/** A bucket as an outsider sees it: none of our code, and no fault in between. */
export function bucketOf(s3: S3, name: string) {
  const aws = new AwsClient({
    accessKeyId: s3.accessKeyId,
    secretAccessKey: s3.secretAccessKey,
    region: s3.region,
    service: "s3",
    retries: 0,
  })
  const ask = async (
    method: string,
    path = "",
    init: { body?: Uint8Array<ArrayBuffer>; headers?: Record<string, string> } = {},
  ) => {
    const response = await aws.fetch(`${s3.url}/${name}${path}`, { method, ...init })
    const bytes = Buffer.from(await response.arrayBuffer())
    if (response.status >= 300 && response.status !== 404)
      throw new Error(`${method} ${path}: ${response.status} ${bytes}`)
    return { status: response.status, headers: response.headers, bytes }
  }
  const of = (key: string) => `/${encodeURIComponent(key).replaceAll("%2F", "/")}`
  const keys = async () =>
    [...(await ask("GET")).bytes.toString().matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key = ""]) => key)
  return {
    put: (key: string, bytes: Uint8Array, headers: Record<string, string> = {}) =>
      ask("PUT", of(key), { body: new Uint8Array(bytes), headers }),
    get: async (key: string) => {
      const { status, bytes } = await ask("GET", of(key))
      return status === 404 ? undefined : bytes
    },
    remove: (key: string) => ask("DELETE", of(key)),
    keys,
    /** All of it, by key. */
    all: async () => {
      const found: Record<string, Buffer> = {}
      for (const key of await keys()) found[key] = (await ask("GET", of(key))).bytes
      return found
    },
    /** Uploads in parts that were begun and neither completed nor thrown away. */
    uploads: async () =>
      [...(await ask("GET", "?uploads=")).bytes.toString().matchAll(/<UploadId>(.*?)<\/UploadId>/g)].length,
    abortUploads: async () => {
      const text = (await ask("GET", "?uploads=")).bytes.toString()
      for (const [, key = "", id = ""] of text.matchAll(/<Key>(.*?)<.Key>.*?<UploadId>(.*?)<.UploadId>/gs))
        await ask("DELETE", `${of(key)}?uploadId=${encodeURIComponent(id)}`)
    },
    /** Empty it, and then remove the bucket itself. */
    destroy: async () => {
      for (const key of await keys()) await ask("DELETE", of(key))
      await ask("DELETE")
    },
    create: () => ask("PUT"),
  }
}
