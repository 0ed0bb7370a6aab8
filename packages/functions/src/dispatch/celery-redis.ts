import { randomUUID } from "node:crypto"
import { isIP } from "node:net"
import { createClient } from "@redis/client"
import type { Broker } from "./celery-broker.ts"
import { redisEnvelope } from "./celery-message.ts"
import type { Sink } from "./celery-sink.ts"
import { tlsOptions } from "./celery-tls.ts"

/** As QStash: the same id within ten minutes is delivered once. */
const deduplicationSeconds = 600
const separator = "\x06\x16"

/**
 * All or nothing, and once: a repeat after a lost answer finds its mark. The queue is also written down as kombu's own
 * producers do, as a member of its exchange of the same name. Tasks of priority 0, and no others are sent, lie in the
 * list that has the queue's own name.
 */
const push = `
if redis.call("EXISTS", KEYS[3]) == 1 then return 0 end
redis.call("SADD", KEYS[2], ARGV[2])
redis.call("LPUSH", KEYS[1], ARGV[1])
redis.call("SET", KEYS[3], "1", "EX", ARGV[3])
return 1`

export async function openRedis(broker: Broker & { kind: "redis" }, timeoutMs: number): Promise<Sink> {
  const { host, port, username, password, database, tls } = broker
  const socket = { host, port, connectTimeout: timeoutMs, reconnectStrategy: false } as const
  const client = createClient({
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    database,
    // RESP 2 is what every server that calls itself Redis understands.
    RESP: 2,
    disableOfflineQueue: true,
    disableClientInfo: true,
    socket: tls
      ? { ...socket, tls: true, ...(!isIP(host) && { servername: host }), ...(await tlsOptions(tls)) }
      : { ...socket, tls: false },
  })
  // A broken connection fails the command that waits for it; without a listener it would end the process.
  client.on("error", () => {})
  try {
    await client.connect()
  } catch (error) {
    if (client.isOpen) client.destroy()
    throw error
  }
  return {
    async send(queue, task) {
      const binding = [queue, "", queue].join(separator)
      const isNew = await client.eval(push, {
        keys: [queue, `_kombu.binding.${queue}`, `imgmigrator:sent:${task.id}`],
        arguments: [redisEnvelope(task, queue, randomUUID()), binding, String(deduplicationSeconds)],
      })
      return { deduplicated: isNew === 0 }
    },
    close: async () => {
      if (client.isOpen) client.destroy()
    },
  }
}
