import { readdirSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, onTestFailed, test, vi } from "vitest"
import { expectSame, makeFiles, within } from "../journey/cli-run.ts"
import { installed } from "./support/debian.ts"
import { publish } from "./support/publisher.ts"
import { startRedisBroker } from "./support/redis.ts"
import { type Place, startPlace, stop } from "./support/service.ts"
import { startWorker } from "./support/worker.ts"

vi.setConfig({ testTimeout: 480_000, hookTimeout: 240_000 }) // whole programs, on machines that may be busy
process.env.LOG_LEVEL = "SILENT"

describe.skipIf(!installed("redis-server", "python3-celery", "python3-redis"))(
  "a service with Celery",
  () => {
    let broker: Awaited<ReturnType<typeof startRedisBroker>>
    let place: Place
    beforeAll(async () => {
      ;[broker, place] = await Promise.all([startRedisBroker(), startPlace()])
      makeFiles(place.at("photos"), 1_000, 2_000)
      makeFiles(place.at("album"), 250, 2_000)
    })
    afterAll(async () => {
      await place?.close()
      await broker?.close()
    })
    const celery = () => place.celery(broker.url)
    const work = () => startWorker({ broker: broker.url, baseUrl: place.url, concurrency: 4 })
    const begin = async (source: string, destination: string, options = {}) => {
      const wish = {
        source: `file:${place.at(source)}`,
        destination: `file:${place.at(destination)}`,
        options,
      }
      const { status, body } = await place.ask("/migrations", { body: wish })
      expect(status, JSON.stringify(body)).toBe(201)
      return body.id
    }
    const arrived = (destination: string) => readdirSync(place.at(destination), { recursive: true }).length

    test("moves a thousand images, and says in health and in its log what delivers", async () => {
      const [service, worker] = await Promise.all([place.serve(celery()), work()])
      expect(await place.ask("/health")).toMatchObject({
        status: 200,
        body: {
          status: "ok",
          dispatcher: { kind: "celery", reason: "QSTASH_TOKEN is not set, CELERY_BROKER_URL is." },
        },
      })
      const id = await begin("photos", "a thousand")
      expect(await place.until(id, "completed")).toMatchObject({
        totals: { discovered: 1_000, migrated: 1_000 },
      })
      expectSame(place.at("photos"), place.at("a thousand"))
      expect(service.said()).toContain('"message":"published to Celery"')

      // A message for a migration that nobody has is given up, and both sides say why.
      await broker.putTask(
        { task: "imgmigrator.process_migration", id: "nobody's", lang: "py", retries: 0 },
        JSON.stringify([[], { migration_id: "mig_nobody", user_id: "ana" }, {}]),
      )
      expect((await broker.dead(/^489: .*migration\.missing/)).headers.id).toBe("nobody's")
      await within(() =>
        expect(service.said()).toMatch(/"message":"message given up".*"message_id":"nobody's"/),
      )
      await worker.close()
      await stop(service)
    })

    test("hands over to QStash in the middle of a migration, and back, and messages left behind harm nothing", async () => {
      let service = await place.serve(celery())
      const worker = await work()
      onTestFailed(() => console.log(service.said()))
      const slowly = { lanes: 1, concurrency: 1 }
      const id = await begin("album", "handed over", slowly)
      await within(() => expect(arrived("handed over")).toBeGreaterThan(20))
      await stop(service)
      await worker.close()

      service = await place.serve({ ...celery(), ...place.qstash })
      expect(await place.ask("/health")).toMatchObject({
        body: {
          dispatcher: { kind: "qstash", reason: expect.stringContaining("CELERY_BROKER_URL is set too") },
        },
      })
      expect((await place.ask(`/migrations/${id}/resume`, { method: "POST" })).status).toBe(200)
      expect(await place.until(id, "completed")).toMatchObject({ totals: { migrated: 250, failed: 0 } })
      expectSame(place.at("album"), place.at("handed over"))
      expect(service.said()).toContain('"message":"published to QStash"')

      // A message that was left in Celery's queue finds a worker, and that finds the service, whoever delivers now.
      const left = await publish(broker.url, String(id))
      const last = await work()
      onTestFailed(() => console.log(last.lines().join("\n")))
      await last.line(new RegExp(`delivered ${left}: 200`))

      const back = await begin("album", "handed back", slowly)
      await within(() => expect(arrived("handed back")).toBeGreaterThan(20))
      await stop(service)
      service = await place.serve(celery())
      expect((await place.ask(`/migrations/${back}/resume`, { method: "POST" })).status).toBe(200)
      expect(await place.until(back, "completed")).toMatchObject({ totals: { migrated: 250, failed: 0 } })
      expectSame(place.at("album"), place.at("handed back"))
      await last.close()
    })
  },
)
