import { readdirSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, onTestFailed, onTestFinished, test, vi } from "vitest"
import { expireLeases } from "../../packages/functions/src/db/lanes.ts"
import { closeSinks } from "../../packages/functions/src/dispatch/celery-sink.ts"
import { sweep } from "../../packages/functions/src/jobs/sweep.ts"
import { theWorld } from "../../packages/functions/src/jobs/world.ts"
import { expectSame, makeFiles, type Running, within } from "../journey/cli-run.ts"
import { installed } from "./support/debian.ts"
import { publish } from "./support/publisher.ts"
import { startRedisBroker } from "./support/redis.ts"
import { type Place, startPlace, stop } from "./support/service.ts"
import { startWorker, type Worker } from "./support/worker.ts"

vi.setConfig({ testTimeout: 480_000, hookTimeout: 240_000 }) // whole programs, on machines that may be busy
process.env.LOG_LEVEL = "SILENT"
const slowly = { lanes: 1, concurrency: 1 }

/** One service and one worker after the other: each test goes on with those that the one before left. */
describe.skipIf(!installed("redis-server", "python3-celery", "python3-redis"))(
  "a service with Celery",
  () => {
    let broker: Awaited<ReturnType<typeof startRedisBroker>>
    let place: Place
    let service: Running
    let worker: Worker
    const celery = () => place.celery(broker.url)
    const work = () => startWorker({ broker: broker.url, baseUrl: place.url })
    beforeAll(async () => {
      ;[broker, place] = await Promise.all([startRedisBroker(), startPlace()])
      const starting = Promise.all([place.serve(celery()), work()])
      makeFiles(place.at("photos"), 1_000, 2_000)
      makeFiles(place.at("album"), 250, 2_000)
      makeFiles(place.at("few"), 150, 2_000)
      ;[service, worker] = await starting
    })
    afterAll(async () => {
      await worker?.close()
      await closeSinks()
      await place?.close()
      await broker?.close()
    })

    const begin = async (source: string, destination: string, options = {}) => {
      const wish = {
        source: `file:${place.at(source)}`,
        destination: `file:${place.at(destination)}`,
        options,
      }
      const { status, body } = await place.ask("/migrations", { body: wish })
      expect(status, JSON.stringify(body)).toBe(201)
      onTestFailed(() => console.log(service.said(), worker.lines().join("\n")))
      return body
    }
    const isUnderWay = (destination: string, beyond: number) =>
      within(() =>
        expect(readdirSync(place.at(destination), { recursive: true }).length).toBeGreaterThan(beyond),
      )
    const allArrives = async (id: unknown, source: string, destination: string, images: number) => {
      expect(await place.until(id, "completed")).toMatchObject({
        totals: { discovered: images, migrated: images, failed: 0, remaining: 0 },
      })
      expectSame(place.at(source), place.at(destination))
    }

    test("moves a thousand images, and says in health and in its log what delivers", async () => {
      expect(await place.ask("/health")).toMatchObject({
        status: 200,
        body: {
          status: "ok",
          dispatcher: { kind: "celery", reason: "QSTASH_TOKEN is not set, CELERY_BROKER_URL is." },
        },
      })
      const { id } = await begin("photos", "a thousand")
      await allArrives(id, "photos", "a thousand", 1_000)
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
    })

    test("hands over to QStash in the middle of a migration, and back, and messages left behind harm nothing", async () => {
      const { id } = await begin("album", "handed over", slowly)
      await isUnderWay("handed over", 20)
      await stop(service)
      await worker.close()

      service = await place.serve({ ...celery(), ...place.qstash })
      expect(await place.ask("/health")).toMatchObject({
        body: {
          dispatcher: { kind: "qstash", reason: expect.stringContaining("CELERY_BROKER_URL is set too") },
        },
      })
      expect((await place.ask(`/migrations/${id}/resume`, { method: "POST" })).status).toBe(200)
      await allArrives(id, "album", "handed over", 250)
      expect(service.said()).toContain('"message":"published to QStash"')

      // A message that was left in Celery's queue finds a worker, and that finds the service, whoever delivers now.
      const left = await publish(broker.url, String(id))
      worker = await work()
      await worker.line(new RegExp(`delivered ${left}: 200`))

      const { id: back } = await begin("album", "handed back", slowly)
      await isUnderWay("handed back", 20)
      await stop(service)
      service = await place.serve(celery())
      expect((await place.ask(`/migrations/${back}/resume`, { method: "POST" })).status).toBe(200)
      await allArrives(back, "album", "handed back", 250)
    })

    test("loses nothing when the process that runs the task is killed", async () => {
      const { id } = await begin("few", "child", slowly)
      await isUnderWay("child", 10)
      for (const pid of await worker.children()) process.kill(pid, "SIGKILL")
      await allArrives(id, "few", "child", 150)
    })

    test("loses nothing when it is killed itself", async () => {
      const { id } = await begin("few", "service", slowly)
      await isUnderWay("service", 10)
      service.child.kill("SIGKILL")
      await service.ended
      // Half a minute later, as the table has it.
      await expireLeases()
      service = await place.serve(celery())
      await allArrives(id, "few", "service", 150)
    })

    test("records what is asked for while the broker is away: it waits, and the sweeper sends it once the broker is back", async () => {
      await broker.kill()
      const { id, status, waiting } = await begin("few", "later", slowly)
      expect([status, waiting]).toMatchObject(["pending", { reason: expect.stringContaining("Redis") }])
      await broker.boot()
      // The service's own sweeper would do so in a minute; this is the same, with a clock that is a minute ahead.
      for (const [name, value] of Object.entries({ ...celery(), BASE_URL: place.url }))
        vi.stubEnv(name, value)
      onTestFinished(() => void vi.unstubAllEnvs())
      const clock = { ...theWorld.clock, now: () => Date.now() + 61_000 }
      expect(await sweep({ ...theWorld, clock })).toMatchObject({ sent: 1 })
      await allArrives(id, "few", "later", 150)
    })

    test("loses nothing when the whole Celery worker is killed", async () => {
      const { id } = await begin("few", "worker", slowly)
      await isUnderWay("worker", 10)
      await worker.lose()
      await allArrives(id, "few", "worker", 150)
    })
  },
)
