import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, expect, test, vi } from "vitest"
import { createPool, type Pool } from "../../packages/local/src/workers/pool.ts"

const folder = mkdtempSync(join(tmpdir(), "pool-"))
const pools: Pool[] = []
afterEach(async () => {
  for (const each of pools.splice(0)) await each.close(0)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let count = 0
const newPool = (size: number, maxWaiting?: number, lines: string[] = []) => {
  const made = createPool({
    size,
    env: { ...process.env, COLOUR: "red" },
    log: (line) => lines.push(line),
    ...(maxWaiting !== undefined && { maxWaiting }),
  })
  pools.push(made)
  return made
}
const call = (name: string, event: unknown = {}, timeoutMs = 60_000) => ({
  handler: `${new URL("./handlers.ts", import.meta.url)}#${name}`,
  event,
  requestId: `request-${++count}`,
  timeoutMs,
  memoryMb: 512,
})
const cell = new Int32Array(new SharedArrayBuffer(4))
const never = new AbortController().signal
const fresh = () => ({ began: join(folder, `began-${++count}`), until: join(folder, `until-${count}`) })
const written = (path: string) =>
  vi.waitFor(() => readFileSync(path, "utf8") || expect.fail("still empty"), { timeout: 20_000, interval: 5 })
const alive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test("a worker runs the function with Lambda's context and the service's environment", async () => {
  const asked = call("facts")
  const answer = await newPool(1).run(asked, never)
  expect(answer).toEqual({
    result: { id: asked.requestId, name: "handlers.ts#facts", remaining: expect.any(Number), colour: "red" },
  })
})

test("calls run side by side up to the number of workers, one at a time in each", async () => {
  const pool = newPool(2)
  const [a, b, c] = [fresh(), fresh(), fresh()]
  const calls = [a, b, c].map((event) => pool.run(call("waits", event), never))
  const pids = [await written(a.began), await written(b.began)]
  expect(new Set(pids).size).toBe(2)
  expect(pool.running()).toBe(2)
  expect(() => readFileSync(c.began)).toThrow()
  writeFileSync(a.until, "")
  expect(await written(c.began)).toBe(pids[0])
  for (const { until } of [b, c]) writeFileSync(until, "")
  expect(await Promise.all(calls)).toEqual(
    [pids[0], pids[1], pids[0]].map((pid) => ({ result: Number(pid) })),
  )
})

test("a function that throws fails its call alone, and the worker lives on", async () => {
  const lines: string[] = []
  const pool = newPool(1, undefined, lines)
  const before = await pool.run(call("pid"), never)
  expect(await pool.run(call("fails"), never)).toEqual({ failed: "error" })
  expect(await pool.run(call("pid"), never)).toEqual(before)
  await vi.waitFor(() => expect(lines.join("\n")).toContain("on purpose"))
})

test("a worker that dies fails its call and is replaced", async () => {
  const pool = newPool(1)
  const before = await pool.run(call("pid"), never)
  expect(await pool.run(call("dies"), never)).toEqual({ failed: "crashed" })
  const after = await pool.run(call("pid"), never)
  expect(after).toEqual({ result: expect.any(Number) })
  expect(after).not.toEqual(before)
})

test("a call that is not done in its time is killed", async () => {
  const pool = newPool(1)
  const event = fresh()
  await pool.run(call("pid"), never)
  expect(await pool.run(call("waits", event, 50), never)).toEqual({ failed: "timed out" })
  expect(await pool.run(call("pid"), never)).toEqual({ result: expect.any(Number) })
})

test("more calls than may wait are refused as busy", async () => {
  const pool = newPool(1, 1)
  const event = fresh()
  const running = pool.run(call("waits", event), never)
  await written(event.began)
  const waiting = pool.run(call("pid"), never)
  expect(await pool.run(call("pid"), never)).toEqual({ failed: "busy", retryAfterSeconds: 5 })
  writeFileSync(event.until, "")
  expect(await Promise.all([running, waiting])).toHaveLength(2)
})

test("a call whose client hangs up while it waits is never run", async () => {
  const pool = newPool(1)
  const [event, unwanted] = [fresh(), fresh()]
  const running = pool.run(call("waits", event), never)
  await written(event.began)
  const gone = new AbortController()
  const waiting = pool.run(call("waits", unwanted), gone.signal)
  gone.abort()
  expect(await waiting).toEqual({ failed: "error" })
  writeFileSync(event.until, "")
  await running
  await pool.run(call("pid"), never)
  expect(() => readFileSync(unwanted.began)).toThrow()
})

test("closing tells running calls that the process ends, and takes their answer", async () => {
  const pool = newPool(2)
  const event = fresh()
  const running = pool.run(call("untilStopped", event), never)
  const pid = Number(await written(event.began))
  await pool.close(20_000)
  expect(await running).toEqual({ result: "checkpointed" })
  expect(alive(pid)).toBe(false)
  expect(await pool.run(call("pid"), never)).toMatchObject({ failed: "busy" })
})

test("closing tells a function that began this very moment, too, and ends one that has not begun", async () => {
  const pool = newPool(2)
  const event = fresh()
  const running = pool.run(call("untilStopped", event), never)
  // The pool hears nothing meanwhile: it cannot know yet that the function runs.
  while (!existsSync(event.began) || !readFileSync(event.began, "utf8")) Atomics.wait(cell, 0, 0, 1)
  const loading = pool.run(call("untilStopped", fresh()), never)
  await pool.close(20_000)
  expect(await running).toEqual({ result: "checkpointed" })
  expect(await loading).toEqual({ failed: "crashed" })
})

test("closing kills what does not end in the time of grace", async () => {
  const pool = newPool(1)
  const event = fresh()
  const running = pool.run(call("waits", event), never)
  await written(event.began)
  await pool.close(20)
  expect(await running).toEqual({ failed: "crashed" })
})
