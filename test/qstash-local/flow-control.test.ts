import { virtualClock } from "qstash-local"
import { expect, test } from "vitest"
import { createFlows, type FlowState } from "../../packages/qstash-local/src/engine/flow.ts"
import type { Message } from "../../packages/qstash-local/src/engine/message.ts"
import { plain } from "../../packages/qstash-local/src/state/codecs.ts"
import { forgetful } from "../../packages/qstash-local/src/state/journal.ts"
import { createTable } from "../../packages/qstash-local/src/state/table.ts"
import { startWorld } from "./support/world.ts"

test("a key is described with what is set; numbers of what is not are left out", async () => {
  const { client, call, clock, receiver } = await startWorld()
  await client.publish({ url: receiver.url, body: "", flowControl: { key: "rated", rate: 1, period: "1m" } })
  await client.publish({ url: receiver.url, body: "", flowControl: { key: "rated", rate: 1, period: "1m" } })
  await client.publish({
    url: receiver.url,
    body: "",
    flowControl: { key: "parallel", parallelism: 5 },
    delay: 9,
  })
  await clock.advance(0)
  const rated = {
    flowControlKey: "rated",
    waitListSize: 1,
    rateMax: 1,
    rateCount: 1,
    ratePeriod: 60,
    ratePeriodStart: Math.floor(clock.now() / 1000),
    isPaused: false,
    isPinnedParallelism: false,
    isPinnedRate: false,
  }
  expect(await client.flowControl.get("rated")).toEqual(rated)
  const { body } = await call("GET", "/v2/flowControl")
  expect(body).toEqual([
    rated,
    {
      flowControlKey: "parallel",
      waitListSize: 0,
      parallelismMax: 5,
      parallelismCount: 0,
      isPaused: false,
      isPinnedParallelism: false,
      isPinnedRate: false,
    },
  ])
  expect((await call("GET", "/v2/flowControl?search=para")).body).toMatchObject([
    { flowControlKey: "parallel" },
  ])
  await expect(client.flowControl.get("none")).rejects.toMatchObject({ status: 404 })
})

test("a paused key takes messages and delivers none until it is resumed; its period elapses", async () => {
  const { client, clock, receiver } = await startWorld()
  const publish = (n: number) =>
    client.publish({
      url: `${receiver.url}/${n}`,
      body: "",
      flowControl: { key: "k", rate: 1, period: "1m" },
    })
  await publish(1)
  await clock.advance(0)
  await client.flowControl.pause("k")
  await publish(2)
  await publish(3)
  await clock.advance("1h")
  expect(receiver.paths()).toEqual(["/1"])
  expect(await client.flowControl.get("k")).toMatchObject({ isPaused: true, waitListSize: 2 })
  await client.flowControl.resume("k")
  await clock.advance("59s")
  expect(receiver.paths()).toEqual(["/1", "/2"])
  await clock.advance("1s")
  expect(receiver.paths()).toEqual(["/1", "/2", "/3"])
})

test("what is pinned outlasts what messages ask for, until it is unpinned and a message brings something else", async () => {
  const { client, receiver } = await startWorld()
  const publish = (parallelism: number, rate: number) =>
    client.publish({
      url: receiver.url,
      body: "",
      delay: 9,
      flowControl: { key: "k", parallelism, rate, period: 10 },
    })
  await publish(1, 1)
  await client.flowControl.pin("k", { parallelism: 3, rate: 7, period: 20 })
  await publish(2, 2)
  expect(await client.flowControl.get("k")).toMatchObject({
    parallelismMax: 3,
    rateMax: 7,
    ratePeriod: 20,
    isPinnedParallelism: true,
    isPinnedRate: true,
  })
  await client.flowControl.unpin("k", { parallelism: true })
  expect(await client.flowControl.get("k")).toMatchObject({
    parallelismMax: 3,
    isPinnedParallelism: false,
    isPinnedRate: true,
  })
  await publish(2, 2)
  expect(await client.flowControl.get("k")).toMatchObject({ parallelismMax: 2, rateMax: 7 })
  await client.flowControl.unpin("k", { rate: true })
  await publish(2, 2)
  expect(await client.flowControl.get("k")).toMatchObject({ rateMax: 2, ratePeriod: 10, isPinnedRate: false })
})

test("pinning a higher limit lets waiting messages go at once", async () => {
  const { client, clock, receiver } = await startWorld()
  for (let n = 0; n < 4; n++)
    await client.publish({ url: receiver.url, body: "", flowControl: { key: "k", rate: 1, period: "1h" } })
  await clock.advance(0)
  expect(receiver.deliveries).toHaveLength(1)
  await client.flowControl.pin("k", { rate: 2 })
  await clock.advance(0)
  expect(receiver.deliveries).toHaveLength(3)
})

test("after a reset the period begins anew, with its full rate", async () => {
  const { call, client, clock, receiver } = await startWorld()
  for (let n = 0; n < 6; n++)
    await client.publish({ url: receiver.url, body: "", flowControl: { key: "k", rate: 2, period: "1h" } })
  await clock.advance("10m")
  await client.flowControl.resetRate("k")
  await clock.advance("59m")
  expect(receiver.deliveries).toHaveLength(4)
  await clock.advance("1m")
  expect(receiver.deliveries).toHaveLength(6)
  expect((await call("POST", "/v2/flowControl/k/reset")).status).toBe(200)
  expect(await client.flowControl.get("k")).toMatchObject({ rateCount: 0 })
})

test("global parallelism is the plan's", async () => {
  const { client, clock, receiver } = await startWorld({ quota: "free" })
  let seen: unknown
  receiver.answer(async () => {
    seen = await client.flowControl.getGlobalParallelism()
    return {}
  })
  await client.publish({ url: receiver.url, body: "" })
  await clock.advance(0)
  expect(seen).toEqual({ parallelismMax: 10, parallelismCount: 1 })
})

test.for([
  "pin",
  "pin?parallelism=0",
  "pin?rate=x",
  "pin?rate=1&period=9d",
  "pin?burst=1",
  "unpin?rate=maybe",
  "unpin?x=1",
])("%s is refused", async (action) => {
  const { call } = await startWorld()
  expect((await call("POST", `/v2/flowControl/k/${action}`)).status).toBe(400)
})

test.for([
  ["parallelism=0"],
  ["rate=-1"],
  ["period=5s"],
  ["parallelism=1, colour=red"],
  ["rate=5, period=8d"],
  ["rate=5, period=0s"],
  ["rate"],
  [""],
])("the value %j is refused", async ([value = ""]) => {
  const { call, receiver } = await startWorld()
  const headers = { "upstash-flow-control-key": "k", "upstash-flow-control-value": value }
  expect((await call("POST", `/v2/publish/${receiver.url}`, headers)).status).toBe(400)
})

test("case does not matter, and ratePerSecond is an older name of rate", async () => {
  const { call, client, receiver } = await startWorld()
  const headers = {
    "upstash-flow-control-key": "k",
    "upstash-flow-control-value": "Parallelism=2,RatePerSecond=20",
  }
  expect((await call("POST", `/v2/publish/${receiver.url}`, headers)).status).toBe(200)
  expect(await client.flowControl.get("k")).toMatchObject({ parallelismMax: 2, rateMax: 20, ratePeriod: 1 })
})

test("a key without a value, or a value without a key, is refused", async () => {
  const { call, receiver } = await startWorld()
  for (const [name, value] of [
    ["key", "k"],
    ["value", "rate=1"],
  ])
    expect(
      (await call("POST", `/v2/publish/${receiver.url}`, { [`upstash-flow-control-${name}`]: value ?? "" }))
        .status,
    ).toBe(400)
})

test("of ever more keys those are forgotten that nobody uses and nobody has set", () => {
  const clock = virtualClock()
  const states = createTable<FlowState>("flow", () => forgetful, plain())
  const flows = createFlows(clock, states)
  states.put("paused", { ...flows.ensure("paused"), paused: true })
  const waiting = { flowKey: "waiting", flow: { parallelism: 1, periodMs: 1000 } } as Message
  flows.lane(waiting).waiting.push(waiting)
  for (let n = 0; n < 30_000; n++) flows.configure(`k${n}`, { parallelism: 1, periodMs: 1000 })
  expect(states.size).toBeLessThan(10_100)
  expect([states.has("paused"), states.has("waiting"), states.has("k0")]).toEqual([true, true, false])
  // A message that comes due after its key was forgotten brings its limits along.
  flows.lane({ ...waiting, flowKey: "k0" })
  expect(flows.limits("k0")).toMatchObject({ parallelism: 1 })
})
