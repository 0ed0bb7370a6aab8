import { expect, test } from "vitest"
import { parseCron } from "../../packages/qstash-local/src/engine/cron.ts"
import { startWorld, type World } from "./support/world.ts"

/** Moves the clock to the next full minute of UTC. */
async function toFullMinute({ clock }: World) {
  await clock.advance(60_000 - (clock.now() % 60_000))
}

test("a schedule publishes at each of its times, with all that a message may have", async () => {
  const world = await startWorld()
  const { client, clock, receiver, verifier } = world
  await toFullMinute(world)
  const { scheduleId } = await client.schedules.create({
    destination: `${receiver.url}/tick`,
    cron: "*/2 * * * *",
    body: "hello",
    method: "PUT",
    headers: { "Content-Type": "text/plain", own: "1" },
  })
  await clock.advance("10m")
  expect(receiver.deliveries).toHaveLength(5)
  const [delivery] = receiver.deliveries
  expect(delivery).toMatchObject({
    method: "PUT",
    headers: { "content-type": "text/plain", own: "1", "upstash-schedule-id": scheduleId },
  })
  const signature = String(delivery?.headers["upstash-signature"])
  expect(await verifier.verify({ signature, body: "hello", url: `${receiver.url}/tick` })).toBe(true)
  expect(new Set(receiver.deliveries.map(({ headers }) => headers["upstash-message-id"])).size).toBe(5)
})

test("a schedule is described with its last and next time and what became of the last run", async () => {
  const world = await startWorld()
  const { client, call, clock, receiver } = world
  await toFullMinute(world)
  const createdAt = clock.now()
  await client.schedules.create({
    scheduleId: "daily.report-1",
    destination: receiver.url,
    cron: "  * * * * *  ",
    body: "x",
    delay: 5,
    retries: 0,
    retryDelay: "1000",
    timeout: 30,
    callback: `${receiver.url}/c`,
    failureCallback: `${receiver.url}/f`,
    queueName: "q",
    label: ["a", "b"],
    flowControl: { key: "k", rate: 3, period: "1m" },
  })
  const shape = {
    scheduleId: "daily.report-1",
    cron: "* * * * *",
    createdAt,
    destination: receiver.url,
    method: "POST",
    header: { "Content-Type": ["application/json"] },
    body: "x",
    retries: 0,
    delay: 5,
    timeout: 30,
    retryDelayExpression: "1000",
    callback: `${receiver.url}/c`,
    failureCallback: `${receiver.url}/f`,
    callerIP: "127.0.0.1",
    isPaused: false,
    queueName: "q",
    flowControlKey: "k",
    rate: 3,
    period: 60,
    label: "a",
    labels: ["a", "b"],
    nextScheduleTime: createdAt + 60_000,
  }
  expect((await call("GET", "/v2/schedules/daily.report-1")).body).toEqual(shape)
  receiver.answer(({ path }) => ({ status: path === "/" ? 500 : 200 }))
  await clock.advance("1m")
  const running = await client.schedules.get("daily.report-1")
  expect(running).toMatchObject({
    lastScheduleTime: createdAt + 60_000,
    nextScheduleTime: createdAt + 120_000,
  })
  expect(Object.values(running.lastScheduleStates ?? {})).toEqual(["IN_PROGRESS"])
  await clock.advance("5s")
  expect(Object.values((await client.schedules.get("daily.report-1")).lastScheduleStates ?? {})).toEqual([
    "FAIL",
  ])
  receiver.answer(() => ({}))
  await clock.advance("1m")
  expect(Object.values((await client.schedules.get("daily.report-1")).lastScheduleStates ?? {})).toEqual([
    "SUCCESS",
  ])
  expect(await client.schedules.list()).toHaveLength(1)
})

test("a paused schedule skips its times; PATCH and POST both pause and resume", async () => {
  const world = await startWorld()
  const { client, call, clock, receiver } = world
  await toFullMinute(world)
  await client.schedules.create({ scheduleId: "s", destination: receiver.url, cron: "* * * * *" })
  await client.schedules.pause({ schedule: "s" })
  await clock.advance("5m")
  expect(receiver.deliveries).toHaveLength(0)
  expect(await client.schedules.get("s")).toMatchObject({ isPaused: true })
  await client.schedules.resume({ schedule: "s" })
  await clock.advance("2m")
  expect(receiver.deliveries).toHaveLength(2)
  expect((await call("POST", "/v2/schedules/s/pause")).status).toBe(200)
  await clock.advance("2m")
  expect((await call("POST", "/v2/schedules/s/resume")).status).toBe(200)
  await clock.advance("1m")
  expect(receiver.deliveries).toHaveLength(3)
})

test("the same id overwrites a schedule and leaves it paused; a deleted one is gone", async () => {
  const world = await startWorld()
  const { client, clock, receiver } = world
  await toFullMinute(world)
  const create = (path: string, cron: string) =>
    client.schedules.create({ scheduleId: "s", destination: `${receiver.url}${path}`, cron })
  await create("/old", "* * * * *")
  await client.schedules.pause({ schedule: "s" })
  await create("/new", "*/5 * * * *")
  expect(await client.schedules.list()).toMatchObject([{ isPaused: true, cron: "*/5 * * * *" }])
  await client.schedules.resume({ schedule: "s" })
  await clock.advance("10m")
  expect(receiver.paths()).toEqual(["/new", "/new"])
  await client.schedules.delete("s")
  await clock.advance("1h")
  expect(receiver.paths()).toHaveLength(2)
  await expect(client.schedules.get("s")).rejects.toMatchObject({ status: 404 })
  await expect(client.schedules.delete("s")).rejects.toMatchObject({ status: 404 })
})

test("a schedule may have a URL group as its destination; when that is gone it says so", async () => {
  const world = await startWorld()
  const { client, clock, receiver } = world
  await toFullMinute(world)
  await client.urlGroups.addEndpoints({
    name: "g",
    endpoints: [{ url: `${receiver.url}/1` }, { url: `${receiver.url}/2` }],
  })
  await client.schedules.create({ scheduleId: "s", destination: "g", cron: "* * * * *" })
  await clock.advance("1m")
  expect(receiver.paths().sort()).toEqual(["/1", "/2"])
  await client.urlGroups.delete("g")
  await clock.advance("1m")
  expect(receiver.deliveries).toHaveLength(2)
  expect(await client.schedules.get("s")).toMatchObject({
    error: "topic g not found",
    lastScheduleTime: clock.now(),
  })
})

test("publishing with a cron expression makes a schedule, too", async () => {
  const world = await startWorld()
  await toFullMinute(world)
  const { body } = await world.call("POST", `/v2/publish/${world.receiver.url}`, {
    "upstash-cron": "@hourly",
  })
  expect(body).toEqual({ scheduleId: expect.stringMatching(/^scd_/) })
  await world.clock.advance("2h")
  expect(world.receiver.deliveries).toHaveLength(2)
})

test.for([
  "",
  "* * * *",
  "*/10 * * * * *",
  "61 * * * *",
  "* * L * *",
  "* * * * 5#2",
  "* * 15W * *",
  "now",
  "CRON_TZ=Mars/Olympus * * * * *",
  "@every 1m",
])("the cron expression %j is refused", async (cron) => {
  const { call, receiver } = await startWorld()
  const answer = await call("POST", `/v2/schedules/${receiver.url}`, { "upstash-cron": cron })
  expect(answer).toMatchObject({ status: 400, body: { error: expect.stringContaining("Upstash-Cron") } })
})

test.for([
  ["0 9 * * *", "2026-03-28T12:00:00Z", "2026-03-29T09:00:00Z"],
  // Paris is at +1 in winter and +2 in summer; the clocks change on March 29.
  ["CRON_TZ=Europe/Paris 0 9 * * *", "2026-03-28T07:00:00Z", "2026-03-28T08:00:00Z"],
  ["CRON_TZ=Europe/Paris 0 9 * * *", "2026-03-28T12:00:00Z", "2026-03-29T07:00:00Z"],
  ["TZ=America/New_York */15 * * * *", "2026-07-01T00:00:01Z", "2026-07-01T00:15:00Z"],
  ["0 0 1 JAN,jul *", "2026-02-01T00:00:00Z", "2026-07-01T00:00:00Z"],
  // Either of day of month and day of week is enough, as in every cron.
  ["0 0 13 * FRI", "2026-03-01T00:00:00Z", "2026-03-06T00:00:00Z"],
  ["0 0 30 2 *", "2026-03-01T00:00:00Z", undefined],
] as const)("%s after %s is due at %s", ([cron, after, due]) => {
  const next = parseCron(cron)(Date.parse(after))
  expect(next === undefined ? undefined : new Date(next).toISOString()).toBe(
    due && new Date(due).toISOString(),
  )
})

test("ids and counts of schedules have limits", async () => {
  const { client, receiver } = await startWorld({ quota: "free" })
  const create = (scheduleId: string) =>
    client.schedules.create({ scheduleId, destination: receiver.url, cron: "0 0 1 1 *" })
  await expect(create("a b")).rejects.toMatchObject({ status: 400 })
  for (let n = 0; n < 10; n++) await create(`s${n}`)
  await create("s0")
  await expect(create("s10")).rejects.toMatchObject({ status: 412 })
})
