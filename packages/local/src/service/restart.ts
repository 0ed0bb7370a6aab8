import { keys } from "@imgmigrator/functions/db/keys"
import { readLanes } from "@imgmigrator/functions/db/lanes"
import { activeMigrations } from "@imgmigrator/functions/db/migrations"
import { update } from "@imgmigrator/functions/db/table"

/**
 * The local QStash forgets its messages when the process ends, so no lane need wait for one: the next sweep sends to
 * every lane that has work. Only where the caller holds the state's exclusive lock.
 */
export async function forgetMessages(): Promise<void> {
  for await (const { id } of activeMigrations())
    for (const { lane, sent } of await readLanes(id))
      if (sent > 0)
        await update({
          key: keys.lane(id, lane),
          set: { sent: 0, sends: 0 },
          condition: "attribute_exists(#pk)",
        })
}
