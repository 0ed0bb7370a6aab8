import type { NormalStoreRef } from "@imgmigrator/core/store-ref"
import { openFileStore } from "./file/file-store.ts"
import { openS3Store } from "./s3/s3-store.ts"
import type { StoreSettings } from "./settings.ts"
import type { Store } from "./store.ts"
import { openUrlsStore } from "./urls/urls-store.ts"

/** The store that a reference names, as far as `settings` allow it; asks nothing of it yet (see `Store.probe`). */
export async function openStore(ref: NormalStoreRef, settings: StoreSettings): Promise<Store> {
  if (ref.type === "file") return openFileStore(ref.path, settings)
  if (ref.type === "s3") return openS3Store(ref, settings)
  return openUrlsStore(ref, settings)
}
