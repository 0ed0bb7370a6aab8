import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Payload } from "@imgmigrator/core/payload"
import { openStore } from "@imgmigrator/stores"
import { type QStash, type Quota, startQStash, type VirtualClock, virtualClock } from "qstash-local"
import { qstashDispatcher } from "../../packages/functions/src/dispatch/qstash.ts"
import { type Delivered, processMigrationAsync } from "../../packages/functions/src/jobs/process-migration.ts"
import { systemClock, type World } from "../../packages/functions/src/jobs/world.ts"
import { storeSettings } from "../../packages/functions/src/store-settings.ts"

export type DeliveredService = {
  readonly clock: VirtualClock
  readonly qstash: QStash
  /** The service's world between deliveries. */
  readonly world: World
  /** Whose deliveries came, in order. */
  readonly deliveries: string[]
  /** Where other messages of the same account may go. */
  readonly elsewhere: string
  close(): Promise<void>
}

/** One delivery: what it is to be given, of what it would be given. */
type Meet = (id: string, delivered: Delivered, world: World) => { delivered?: Delivered; world?: World }

/**
 * A QStash with a clock of its own, and a service that it really delivers to; `meet` may change what a delivery meets.
 * Sets BASE_URL.
 */
export async function startDelivered(
  options: { readonly start?: number; readonly quota?: Quota; readonly meet?: Meet } = {},
): Promise<DeliveredService> {
  const { start = Date.now(), quota = "payg", meet = (): ReturnType<Meet> => ({}) } = options
  const clock = virtualClock(start)
  const qstash = await startQStash({ port: 0, clock, quota })
  const deliveries: string[] = []
  const world: World = {
    clock: { ...systemClock, now: clock.now },
    random: Math.random,
    open: (ref) => openStore(ref, storeSettings()),
    dispatcher: () => qstashDispatcher(qstash, clock.now),
  }
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    if (request.url !== "/api/v1/webhooks/qstash") return response.end()
    const payload = Payload.parse(JSON.parse(Buffer.concat(chunks).toString()))
    deliveries.push(payload.migration_id)
    const retried = Number(request.headers["upstash-retried"])
    const given = { deadline: clock.now() + 60_000, retried, messageId: "msg" }
    const met = meet(payload.migration_id, given, world)
    const { outcome } = await processMigrationAsync(payload, met.delivered ?? given, met.world ?? world)
    response.writeHead(outcome === "again" ? 503 : 200).end()
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  process.env.BASE_URL = url
  return {
    clock,
    qstash,
    world,
    deliveries,
    elsewhere: `${url}/other`,
    close: async () => {
      await qstash.close()
      server.close()
      server.closeAllConnections()
    },
  }
}
