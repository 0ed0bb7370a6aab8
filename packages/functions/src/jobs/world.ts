import type { NormalStoreRef } from "@imgmigrator/core/store-ref"
import { openStore, type Store } from "@imgmigrator/stores"
import { storeSettings } from "../store-settings.ts"
import { type SenderWorld, theSenderWorld } from "./sender-world.ts"

export { type Clock, systemClock } from "./sender-world.ts"

/** What the jobs need of the world around them. */
export type World = SenderWorld & {
  readonly open: (ref: NormalStoreRef) => Promise<Store>
}

/** The world of one delivery. `limit` is aborted when its time is up: no call to a store outlasts it. */
export type TimedWorld = World & { readonly limit: AbortSignal }

export const theWorld: World = {
  ...theSenderWorld,
  open: (ref) => openStore(ref, storeSettings()),
}
