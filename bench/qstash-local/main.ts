import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { cpuMs, memoryMb, start, stop } from "./processes.ts"

// 100,000 messages through qstash-local: published in batches, delivered, none lost, none twice.
//   node bench/qstash-local/main.ts [--messages 100000] [--batch 100] [--bytes 200] [--node PATH] [--start]

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "100000" },
    batch: { type: "string", default: "100" },
    bytes: { type: "string", default: "200" },
    node: { type: "string", default: process.execPath },
    start: { type: "boolean", default: false },
  },
})
const total = Number(values.messages)
const perBatch = Number(values.batch)
const body = JSON.stringify({ job: "x".repeat(Number(values.bytes)) })
const publishers = 4
const command = "packages/qstash-local/dist/main.js"

type Scenario = { readonly name: string; readonly args: readonly string[]; readonly isHeld: boolean }

/** In `backlog` a paused key holds all messages until the last one is published: the most that can wait at once. */
async function scenarios(): Promise<readonly Scenario[]> {
  return [
    { name: "in memory", args: [], isHeld: false },
    { name: "in memory, backlog", args: [], isHeld: true },
    {
      name: "durable (--state)",
      args: ["--state", await mkdtemp(join(tmpdir(), "qstash-bench-"))],
      isHeld: false,
    },
  ]
}

async function measure({ name, args, isHeld }: Scenario) {
  const server = await start([command, "--port", "0", "--quiet", ...args], /NEXT_SIGNING_KEY/, values.node)
  const receiver = await start(["bench/qstash-local/receiver.ts"], /http/)
  const url = /QSTASH_URL=(\S+)/.exec(server.output)?.[1] ?? ""
  const token = /QSTASH_TOKEN=(\S+)/.exec(server.output)?.[1] ?? ""
  const destination = receiver.output.trim()
  const call = async (method: string, path: string, sent?: string) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      body: sent ?? null,
    })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response.json().catch(() => undefined) as Promise<{ delivered?: number } | undefined>
  }
  const headers = isHeld
    ? { "upstash-flow-control-key": "held", "upstash-flow-control-value": "parallelism=1000" }
    : {}
  const batch = JSON.stringify(Array.from({ length: perBatch }, () => ({ destination, headers, body })))
  const counts = async () =>
    (await fetch(destination)).json() as Promise<{ deliveries: number; messages: number; twice: number }>

  if (isHeld) await call("POST", "/v2/flowControl/held/pause")
  const [began, cpuBefore] = [performance.now(), await cpuMs(server.pid)]
  let left = total / perBatch
  const publish = async () => {
    while (left-- > 0) await call("POST", "/v2/batch", batch)
  }
  await Promise.all(Array.from({ length: publishers }, publish))
  const published = performance.now()
  const waiting = await memoryMb(server.pid)
  if (isHeld) await call("POST", "/v2/flowControl/held/resume")
  for (;;) {
    const delivered = (await call("GET", "/local/stats"))?.delivered ?? 0
    if (delivered >= total) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const seconds = (performance.now() - (isHeld ? published : began)) / 1000
  const cpu = (await cpuMs(server.pid)) - cpuBefore
  const { deliveries, messages, twice } = await counts()
  const { most } = await memoryMb(server.pid)
  await stop(server)
  await stop(receiver)
  const folder = args[1]
  if (folder) await rm(folder, { recursive: true, force: true })
  return {
    scenario: name,
    "published/s": Math.round(total / ((published - began) / 1000)),
    "deliveries/s": Math.round(total / seconds),
    "CPU µs/message": Math.round((cpu * 1000) / total),
    "MB with all published": waiting.now,
    "MB at most": most,
    lost: total - messages,
    twice: twice + (deliveries - messages),
  }
}

/** How long from starting the process to its first answer. */
async function startTimes() {
  const times: number[] = []
  for (let n = 0; n < 10; n++) {
    const began = performance.now()
    const server = await start([command, "--port", "0", "--quiet"], /NEXT_SIGNING_KEY/, values.node)
    times.push(performance.now() - began)
    await stop(server)
  }
  times.sort((a, b) => a - b)
  return {
    "fastest ms": Math.round(times[0] ?? 0),
    "median ms": Math.round(times[5] ?? 0),
    "slowest ms": Math.round(times[9] ?? 0),
  }
}

await start(["packages/qstash-local/scripts/build.js"], /$/).then(
  ({ child }) =>
    new Promise((resolve) => (child.exitCode === null ? child.once("exit", resolve) : resolve(0))),
)
if (values.start) console.table([await startTimes()])
else {
  const rows = []
  for (const scenario of await scenarios()) rows.push(await measure(scenario))
  console.table(rows)
  if (rows.some(({ lost, twice }) => lost > 0 || twice > 0)) process.exitCode = 1
}
