import { readdirSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, onTestFailed, onTestFinished, test, vi } from "vitest"
import { expireLeases } from "../../packages/functions/src/db/lanes.ts"
import { closeSinks } from "../../packages/functions/src/dispatch/celery-sink.ts"
import { sweep } from "../../packages/functions/src/jobs/sweep.ts"
import { theWorld } from "../../packages/functions/src/jobs/world.ts"
import { expectSame, makeFiles, type Running, within } from "../journey/cli-run.ts"
import { installed } from "./support/debian.ts"
import { startRedisBroker } from "./support/redis.ts"
import { type Place, startPlace } from "./support/service.ts"
import { startWorker, type Worker } from "./support/worker.ts"

vi.setConfig({ testTimeout: 480_000, hookTimeout: 240_000 }) // whole programs, on machines that may be busy
process.env.LOG_LEVEL = "SILENT"
const images = 150

describe.skipIf(!installed("redis-server", "python3-celery", "python3-redis"))(
  "with Celery, whoever dies:",
  () => {
    let broker: Awaited<ReturnType<typeof startRedisBroker>>
    let place: Place
    let service: Running
    let worker: Worker
    const work = () => startWorker({ broker: broker.url, baseUrl: place.url })
    beforeAll(async () => {
      ;[broker, place] = await Promise.all([startRedisBroker(), startPlace()])
      makeFiles(place.at("photos"), images, 2_000)
      ;[service, worker] = await Promise.all([place.serve(place.celery(broker.url)), work()])
    })
    afterAll(async () => {
      await worker?.close()
      await closeSinks()
      await place?.close()
      await broker?.close()
    })

    const begin = async (destination: string) => {
      const wish = {
        source: `file:${place.at("photos")}`,
        destination: `file:${place.at(destination)}`,
        options: { lanes: 1, concurrency: 1 },
      }
      const { status, body } = await place.ask("/migrations", { body: wish })
      expect(status, JSON.stringify(body)).toBe(201)
      onTestFailed(() => console.log(service.said(), worker.lines().join("\n")))
      return body
    }
    const isUnderWay = (destination: string) =>
      within(() => expect(readdirSync(place.at(destination), { recursive: true }).length).toBeGreaterThan(10))
    const allArrives = async (id: unknown, destination: string) => {
      expect(await place.until(id, "completed")).toMatchObject({
        totals: { discovered: images, migrated: images, failed: 0, remaining: 0 },
      })
      expectSame(place.at("photos"), place.at(destination))
    }

    test("the process that runs the task is killed, and nothing is lost", async () => {
      const { id } = await begin("child")
      await isUnderWay("child")
      for (const pid of await worker.children()) process.kill(pid, "SIGKILL")
      await allArrives(id, "child")
    })

    test("the whole Celery worker is killed, and nothing is lost", async () => {
      const { id } = await begin("worker")
      await isUnderWay("worker")
      await worker.lose()
      await allArrives(id, "worker")
      worker = await work()
    })

    test("our service is killed, and nothing is lost", async () => {
      const { id } = await begin("service")
      await isUnderWay("service")
      service.child.kill("SIGKILL")
      await service.ended
      // Half a minute later, as the table has it.
      await expireLeases()
      service = await place.serve(place.celery(broker.url))
      await allArrives(id, "service")
    })

    test("the broker is away: what is asked for is recorded and waits, and the sweeper sends it once the broker is back", async () => {
      await broker.kill()
      const { id, status, waiting } = await begin("later")
      expect([status, waiting]).toMatchObject(["pending", { reason: expect.stringContaining("Redis") }])
      await broker.boot()
      // The service's own sweeper would do so in a minute; this is the same, with a clock that is a minute ahead.
      const settings = { ...place.celery(broker.url), BASE_URL: place.url }
      for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value)
      onTestFinished(() => void vi.unstubAllEnvs())
      const clock = { ...theWorld.clock, now: () => Date.now() + 61_000 }
      expect(await sweep({ ...theWorld, clock })).toMatchObject({ sent: 1 })
      await allArrives(id, "later")
    })
  },
)
