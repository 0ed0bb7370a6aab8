import { readdirSync, readFileSync } from "node:fs"
import { mkdir, open } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { startTestService, type TestService } from "../support/service.ts"

vi.setConfig({ testTimeout: 240_000 })
let service: TestService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service.close())

/** The most memory in MB that each worker process of this test has held so far. */
const peaks = () =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const isOurs = readFileSync(`/proc/${pid}/status`, "utf8").includes(`PPid:\t${process.pid}\n`)
        const isWorker = readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("worker.js")
        const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]
        return isOurs && isWorker ? [Number(peak) / 1024] : []
      } catch {
        return [] // it has ended meanwhile
      }
    })

test("a file of any size moves in less than 200 MB of memory", async () => {
  const size = 320 * 1024 * 1024
  const from = join(service.folder, "from")
  await mkdir(from)
  // Sparse: bytes that cost no disk and are read like any others.
  const file = await open(join(from, "raw.dng"), "w")
  await file.truncate(size)
  await file.close()
  const to = `file:${join(service.folder, "to")}`
  const done = await service.migrate({ source: `file:${from}`, destination: to })
  expect(done).toMatchObject({ status: "completed", totals: { migrated: 1, bytes_migrated: size } })
  const held = peaks()
  expect(held.length).toBeGreaterThan(0)
  expect(Math.max(...held)).toBeLessThan(200)
})
