import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createClient } from "@redis/client"
import { vi } from "vitest"
import { freePort } from "../../support/dynamodb.ts"
import { collector } from "./collector.ts"
import type { Broker } from "./contract.ts"
import { run } from "./process.ts"
import { queue } from "./publisher.ts"

export type Redis = Awaited<ReturnType<typeof startRedis>>

/** Debian's Redis, on a port and in a folder of its own, that writes to disk before it confirms. */
export async function startRedis(options: readonly string[] = []) {
  const port = await freePort()
  const dir = await mkdtemp(join(tmpdir(), "imgmigrator-redis-"))
  const boot = async () => {
    const server = run("/usr/bin/redis-server", [
      ...["--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--logfile", ""],
      ...["--save", "", "--appendonly", "yes", "--appendfsync", "always"],
      ...options,
    ])
    await server.line(/Ready to accept connections/)
    return server
  }
  let server = await boot()
  const url = `redis://127.0.0.1:${port}/0`
  return {
    url,
    /** Any command by its words, answered as Redis answers. */
    async command(...words: string[]): Promise<unknown> {
      const client = await connected(url)
      return client.sendCommand(words).finally(() => client.destroy())
    },
    kill: () => server.end("SIGKILL"),
    boot: async () => {
      server = await boot()
    },
    async close() {
      await server.end("SIGKILL")
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** The same as a broker for workers, with its dead letters. */
export async function startRedisBroker(): Promise<Broker & { readonly redis: Redis }> {
  const redis = await startRedis()
  const dead = collector()
  const collect = async () => {
    const client = await connected(redis.url)
    const take = async () => {
      for (;;) dead.add(unwrapped(await client.sendCommand(["BRPOP", `${queue}.dead`, "0"])))
    }
    await take().catch(() => client.destroy())
  }
  let collecting = collect()
  return {
    redis,
    url: redis.url,
    putTask: async (headers, body, type = "application/json") => {
      await redis.command("LPUSH", queue, envelope(headers, body, type))
    },
    dead: dead.find,
    // kombu takes a message off its list, and notes it a moment later: killed in between, Redis would have lost it.
    async holds(handed, waiting) {
      const counts = async () => [await redis.command("HLEN", "unacked"), await redis.command("LLEN", queue)]
      await vi.waitUntil(async () => String(await counts()) === `${handed},${waiting}`, { timeout: 120_000 })
    },
    kill: redis.kill,
    boot: async () => {
      await redis.boot()
      collecting = collect()
    },
    close: async () => {
      await redis.close()
      await collecting
    },
  }
}

async function connected(url: string) {
  const client = createClient({ url, RESP: 2, socket: { reconnectStrategy: false } })
  client.on("error", () => {})
  await client.connect()
  return client
}

const envelope = (headers: Readonly<Record<string, unknown>>, body: string, type: string) =>
  JSON.stringify({
    body: Buffer.from(body).toString("base64"),
    "content-type": type,
    "content-encoding": "utf-8",
    headers,
    properties: {
      body_encoding: "base64",
      delivery_info: { exchange: "", routing_key: queue },
      delivery_tag: crypto.randomUUID(),
    },
  })

function unwrapped(answer: unknown) {
  const [, raw] = answer as [string, string] // BRPOP answers with the list's name and the item
  const { body, headers } = JSON.parse(raw)
  return { body: Buffer.from(body, "base64").toString(), headers }
}
