import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Options } from "@imgmigrator/core/migration"
import { parseStoreRef } from "@imgmigrator/core/store-ref"
import { openStore } from "@imgmigrator/stores"
import { ulid } from "ulid"
import { createMigration } from "../../packages/functions/src/db/migrations.ts"
import type { MigrationRow } from "../../packages/functions/src/db/rows.ts"
import type { Message } from "../../packages/functions/src/dispatch/dispatcher.ts"
import { processMigrationAsync } from "../../packages/functions/src/jobs/process-migration.ts"
import { wakeMigration } from "../../packages/functions/src/jobs/wake.ts"
import { systemClock, type World } from "../../packages/functions/src/jobs/world.ts"
import { storeSettings } from "../../packages/functions/src/store-settings.ts"

/** A queue in this process: keeps each message once by its id, as QStash does, and delivers when it is told. */
export function testWorld(change: Partial<World> = {}) {
  const queue: Message[] = []
  const seen = new Set<string>()
  let published = 0
  const world: World = {
    clock: systemClock,
    random: Math.random,
    open: (ref) => openStore(ref, storeSettings()),
    dispatcher: () => ({
      kind: "qstash",
      publish: async (message, { deduplicationId }) => {
        published += 1
        if (!seen.has(deduplicationId)) queue.push(message)
        seen.add(deduplicationId)
        return { messageId: `msg_${published}` }
      },
    }),
    ...change,
  }
  const deliver = (message: Message, retried = 0) =>
    processMigrationAsync(message, { deadline: world.clock.now() + 60_000, retried, messageId: "msg" }, world)
  return {
    world,
    queue,
    published: () => published,
    deliver,
    /** Deliver until nothing is waiting, `width` messages side by side. */
    run: async (width = 2) => {
      const runner = async () => {
        for (let message = queue.shift(); message; message = queue.shift()) await deliver(message)
      }
      while (queue.length > 0) await Promise.all(Array.from({ length: width }, runner))
    },
  }
}

export async function begin(
  world: World,
  wish: { source: unknown; destination: unknown; options?: unknown; userId?: string; id?: string },
): Promise<MigrationRow> {
  const { row } = await createMigration({
    userId: wish.userId ?? "u1",
    id: wish.id ?? `mig_${ulid()}`,
    source: parseStoreRef(wish.source),
    destination: parseStoreRef(wish.destination),
    options: Options.parse(wish.options ?? {}),
    at: world.clock.now(),
  })
  await wakeMigration(row, world)
  return row
}

export async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), "imgmigrator-"))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
