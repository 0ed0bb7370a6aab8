import { openStore, type Store, type StoreSettings } from "@imgmigrator/stores"
import { type S3, startS3 } from "s3-local"

export const bucket = "library"

export type Bench = {
  readonly s3: S3
  readonly settings: StoreSettings
  open(prefix?: string, more?: Record<string, unknown>): Promise<Store>
  close(): Promise<void>
}

/** A local S3 with one bucket, and stores on it. */
export async function startBench(options: Parameters<typeof startS3>[0] = {}): Promise<Bench> {
  const s3 = await startS3({ port: 0, buckets: [bucket, "other"], sessionToken: "", ...options })
  const { accessKeyId, secretAccessKey } = s3
  const settings: StoreSettings = {
    credentials: async (name) => (name === undefined ? { accessKeyId, secretAccessKey } : undefined),
    allowLoopback: true,
    allowFile: false,
  }
  const stores: Store[] = []
  return {
    s3,
    settings,
    async open(prefix = "", more = {}) {
      const store = await openStore({ type: "s3", bucket, prefix, endpoint: s3.url, ...more }, settings)
      stores.push(store)
      return store
    },
    async close() {
      await Promise.all(stores.map((store) => store.close()))
      await s3.close()
    },
  }
}
