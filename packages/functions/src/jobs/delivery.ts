import type { Lane } from "@imgmigrator/core/lane"
import type { Store } from "@imgmigrator/stores"
import type { MigrationRow } from "../db/rows.ts"
import type { Session } from "./session.ts"
import type { TimedWorld } from "./world.ts"

/** One delivery at work: everything that its parts share. */
export type Delivery = {
  readonly world: TimedWorld
  readonly session: Session
  /** As it was when the delivery began; `next` and `status` move on. */
  readonly row: MigrationRow
  readonly source: Store
  readonly destination: Store
  /** The last holder of the lane did not put it back in order: its items may have arrived without being booked. */
  readonly crashed: boolean
  /** With a crash: the item that was being tried alone. */
  readonly named: Lane["trying"]
}
