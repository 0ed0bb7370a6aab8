import type { StoreSettings } from "../settings.ts"
import type { Store } from "../store.ts"
import { type Client, openClient } from "./client.ts"
import { completeUpload } from "./complete.ts"
import { conditionsOf } from "./conditions.ts"
import { copyObject } from "./copy.ts"
import type { S3Ref } from "./endpoint.ts"
import { listObjects } from "./list.ts"
import { listUploads } from "./list-uploads.ts"
import { probeRead } from "./probe.ts"
import { putObject } from "./put.ts"
import { openObject, statObject } from "./read.ts"
import { abortUpload, beginUpload, listParts, putPart } from "./upload.ts"

/** Which client is behind a store, for copies inside one system. */
const clients = new WeakMap<Store, Client>()

/** A prefix of a bucket of S3, or of another server that speaks its protocol. */
export async function openS3Store(ref: S3Ref, settings: StoreSettings): Promise<Store> {
  const client = await openClient(ref, settings)
  const conditions = conditionsOf(client)
  /** Sources that these credentials may not copy from: not asked again for every item. */
  const uncopyable = new WeakSet<Client>()

  const store: Store = {
    kind: "s3",
    name: client.name,
    get capabilities() {
      return {
        ordered: true,
        preconditions: conditions.honoured,
        checksums: true,
        ranges: true,
        writable: true,
      }
    },
    probe: async (purpose, call = {}) =>
      purpose === "read" ? await probeRead(client, call) : await conditions.probe(call.signal),
    list: (options) => listObjects(client, options),
    stat: ({ key }, call) => statObject(client, key, call),
    open: ({ key }, options) => openObject(client, key, options),
    put: (key, bytes, options) => putObject(client, conditions, key, bytes, options),
    begin: (key, options) => beginUpload(client, key, options),
    putPart: (upload, number, bytes, call) => putPart(client, upload, number, bytes, call),
    parts: (upload, call) => listParts(client, upload, call),
    complete: (upload, parts, options) => completeUpload(client, conditions, upload, parts, options),
    abort: (upload, call) => abortUpload(client, upload, call),
    uploads: (since, call) => listUploads(client, since, call),
    async copyFrom(other, entry, key, options) {
      const source = clients.get(other)
      if (!source || uncopyable.has(source) || !isSameSystem(client, source)) return undefined
      const copied = await copyObject(client, conditions, source, entry, key, options)
      if (copied !== "refused") return copied
      uncopyable.add(source)
      return undefined
    },
    skew: () => client.skew(),
    close: async () => {
      await client.close()
    },
  }
  clients.set(store, client)
  return store
}

/** One account's view of one server: AWS copies between its regions too. */
const isSameSystem = (a: Client, b: Client) =>
  a.credentials === b.credentials &&
  ((a.endpoint.isAws && b.endpoint.isAws) || a.ref.endpoint === b.ref.endpoint)
