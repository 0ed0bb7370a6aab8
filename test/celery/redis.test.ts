import { spawnSync } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest"
import { closeSinks } from "../../packages/functions/src/dispatch/celery-sink.ts"
import { freePort } from "../support/dynamodb.ts"
import { installed } from "./support/debian.ts"
import { faultOf, publish, queue } from "./support/publisher.ts"
import { type Redis, startRedis } from "./support/redis.ts"
import { selfSigned } from "./support/self-signed.ts"
import { startWebhook } from "./support/webhook.ts"
import { startWorker } from "./support/worker.ts"

vi.setConfig({ testTimeout: 240_000 }) // whole programs, on machines that may be busy
process.env.LOG_LEVEL = "SILENT"

describe.skipIf(!installed("redis-server"))("publishing to Redis", () => {
  let redis: Redis
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(async () => {
    await closeSinks()
    await redis.close()
  })

  test("a task lies in the queue's list, and the queue is bound as kombu binds it", async () => {
    const id = await publish(redis.url, "layout")
    const [raw] = (await redis.command("LRANGE", queue, "0", "-1")) as string[]
    expect(JSON.parse(String(raw))).toMatchObject({
      headers: { id, task: "imgmigrator.process_migration", retries: 0 },
      properties: { correlation_id: id, priority: 0, delivery_info: { exchange: "", routing_key: queue } },
    })
    expect(await redis.command("SMEMBERS", `_kombu.binding.${queue}`)).toEqual([
      `${queue}\x06\x16\x06\x16${queue}`,
    ])
  })

  test.skipIf(!installed("python3-celery", "python3-redis"))(
    "what Celery publishes itself differs only in ids, times and names of its own",
    async () => {
      await redis.command("DEL", queue)
      const id = await publish(redis.url, "oracle", { delaySeconds: 5 })
      const script = `
from celery import Celery
app = Celery(broker="${redis.url}")
app.conf.task_default_queue = "${queue}"
app.send_task("imgmigrator.process_migration", kwargs={"migration_id": "oracle", "user_id": "ana", "lane": 0},
              task_id="${id}", countdown=5, expires=7205, ignore_result=True)`
      const { stderr, status } = spawnSync("/usr/bin/python3", ["-c", script], { encoding: "utf8" })
      expect(status, stderr).toBe(0)
      const [theirs, ours] = ((await redis.command("LRANGE", queue, "0", "-1")) as string[]).map((raw) => {
        const { body, headers, properties } = JSON.parse(raw)
        return {
          body: JSON.parse(Buffer.from(body, "base64").toString()),
          // Celery does not say it where the app's setting already does.
          headers: {
            ...headers,
            origin: "?",
            ignore_result: "?",
            eta: shape(headers.eta),
            expires: shape(headers.expires),
          },
          properties: {
            ...properties,
            reply_to: "?",
            delivery_tag: "?",
            expiration: shape(properties.expiration),
          },
        }
      })
      expect(ours).toEqual(theirs)
      expect(await redis.command("SMEMBERS", `_kombu.binding.${queue}`)).toHaveLength(1)
    },
  )

  test("the same deduplication id within ten minutes lies there once", async () => {
    await redis.command("DEL", queue)
    const first = await publish(redis.url, "same")
    expect(await publish(redis.url, "same")).toBe(first)
    await publish(redis.url, "another")
    expect(await redis.command("LLEN", queue)).toBe(2)
    const left = Number(await redis.command("TTL", `imgmigrator:sent:${first}`))
    expect(left).toBeGreaterThan(590)
    expect(left).toBeLessThanOrEqual(600)
  })

  test("what is confirmed survives that Redis is killed, and publishing goes on by itself", async () => {
    await redis.command("DEL", queue)
    await Promise.all(Array.from({ length: 200 }, (_, n) => publish(redis.url, `before-${n}`)))
    await redis.kill()
    await redis.boot()
    await publish(redis.url, "after")
    expect(await redis.command("LLEN", queue)).toBe(201)
  })

  test("without room nothing is half published, and it says so", async () => {
    await redis.command("DEL", queue)
    await redis.command("CONFIG", "SET", "maxmemory", "1")
    onTestFinished(async () => void (await redis.command("CONFIG", "SET", "maxmemory", "0")))
    expect(await faultOf(publish(redis.url, "full"))).toMatchObject({
      kind: "unavailable",
      code: "dispatch.full",
      scope: "store",
      message: "Redis did not take the message: it has no room, or can't write to its disk.",
    })
    await redis.command("CONFIG", "SET", "maxmemory", "0")
    await publish(redis.url, "full")
    expect(await redis.command("LLEN", queue)).toBe(1)
  })

  test("a user who may not, and a name that is taken by something else, are told", async () => {
    await redis.command("ACL", "SETUSER", "weak", "on", ">s3cret", "~*", "+ping", "+select", "+auth")
    const fault = await faultOf(publish(redis.url.replace("//", "//weak:s3cret@"), "weak"))
    expect(fault).toMatchObject({ code: "dispatch.refused" })
    expect(fault.message).toContain("EVAL")
    expect(fault.message).not.toContain("s3cret")
    await redis.command("SET", queue, "a text")
    onTestFinished(async () => void (await redis.command("DEL", queue)))
    expect((await faultOf(publish(redis.url, "type"))).message).toContain(
      "CELERY_QUEUE is the name of something else",
    )
  })
})

describe.skipIf(!installed("redis-server"))("a Redis that wants", () => {
  test("a password is told what is wrong with ours, by the setting's name", async () => {
    const redis = await startRedis(["--requirepass", "right-s3cret"])
    onTestFinished(() => redis.close())
    for (const credentials of ["", ":wrong-s3cret@", "nobody:right-s3cret@"]) {
      const fault = await faultOf(publish(redis.url.replace("//", `//${credentials}`), "password"))
      expect(fault).toMatchObject({ kind: "unavailable", code: "dispatch.unauthorized" })
      expect(fault.message).toContain("CELERY_BROKER_URL")
      expect(fault.message).not.toContain("s3cret")
    }
    await expect(publish(redis.url.replace("//", "//:right-s3cret@"), "password")).resolves.toMatch(/-/)
    await closeSinks()
  })

  test("TLS is spoken to, if its certificate is one of those that the address names, or none is asked for", async () => {
    const folder = await mkdtemp(join(tmpdir(), "imgmigrator-tls-"))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const { certificate, key } = selfSigned(folder)
    const port = String(await freePort())
    const redis = await startRedis([
      ...[
        "--tls-port",
        port,
        "--tls-cert-file",
        certificate,
        "--tls-key-file",
        key,
        "--tls-auth-clients",
        "no",
      ],
    ])
    onTestFinished(() => redis.close())
    const url = `rediss://localhost:${port}/0`
    expect(await faultOf(publish(url, "tls"))).toMatchObject({ code: "dispatch.unreachable" })
    await publish(`${url}?ssl_ca_certs=${certificate}`, "tls")
    await publish(`${url}?ssl_cert_reqs=none`, "tls2")
    expect(await redis.command("LLEN", queue)).toBe(2)
    expect((await faultOf(publish(`${url}?ssl_ca_certs=/nowhere.pem`, "tls3"))).message).toContain(
      "/nowhere.pem",
    )
    if (installed("python3-celery", "python3-redis")) {
      const webhook = await startWebhook()
      onTestFinished(() => webhook.close())
      const expected = [webhook.expect("tls"), webhook.expect("tls2")]
      const known = `${url}?ssl_ca_certs=${certificate}`
      const worker = await startWorker({ broker: known, baseUrl: webhook.url, pool: "threads" })
      await Promise.all(expected.map((each) => each.nth(1)))
      await worker.lose()
    }
    await closeSinks()
  })
})

const shape = (text: string) => text.replaceAll(/\d/g, "0")
