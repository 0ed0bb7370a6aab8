import { ofStore } from "@imgmigrator/core/fault"
import type { Delivery } from "./delivery.ts"

/** How long a store's word that it is well is believed, in ms. */
const believed = 5_000

/**
 * Asks both stores whether they are there and let us in, before an item is failed for what may be the whole store's
 * trouble: one 403 is an item's, revoked credentials are everyone's. Throws the store's Fault, with its scope.
 */
export function wellness({ source, destination, session, world }: Delivery): () => Promise<void> {
  let last: { readonly at: number; readonly answer: Promise<void> } | undefined
  const probe = async () => {
    try {
      await Promise.all([source.probe("read", session), destination.probe("write", session)])
    } catch (error) {
      throw ofStore(error)
    }
  }
  return () => {
    const at = world.clock.now()
    if (!last || at - last.at > believed) last = { at, answer: probe() }
    return last.answer
  }
}
