import { execFileSync } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { cpuMs, memoryMb, start, stop } from "./processes.ts"
import { type Row, results, type StartTimes } from "./report.ts"

// 100,000 messages through qstash-local: published in batches, delivered, none lost, none twice. Writes RESULTS.md.
//   npm run bench:qstash-local -- [--messages 100000] [--batch 100] [--bytes 200] [--node PATH]

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "100000" },
    batch: { type: "string", default: "100" },
    bytes: { type: "string", default: "200" },
    node: { type: "string", default: process.execPath },
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
    { name: "in memory, all held back until published", args: [], isHeld: true },
    {
      name: "durable (--state)",
      args: ["--state", await mkdtemp(join(tmpdir(), "qstash-bench-"))],
      isHeld: false,
    },
  ]
}

async function measure({ name, args, isHeld }: Scenario): Promise<Row> {
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
  const [began, cpuAtStart] = [performance.now(), await cpuMs(server.pid)]
  let left = total / perBatch
  const publish = async () => {
    while (left-- > 0) await call("POST", "/v2/batch", batch)
  }
  await Promise.all(Array.from({ length: publishers }, publish))
  const [published, cpuPublished] = [performance.now(), await cpuMs(server.pid)]
  const waiting = await memoryMb(server.pid)
  if (isHeld) await call("POST", "/v2/flowControl/held/resume")
  for (;;) {
    const delivered = (await call("GET", "/local/stats"))?.delivered ?? 0
    if (delivered >= total) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  // Held back, deliveries can be told from publishing; else both go on at once.
  const [since, cpuSince] = isHeld ? [published, cpuPublished] : [began, cpuAtStart]
  const seconds = (performance.now() - since) / 1000
  const cpu = (await cpuMs(server.pid)) - cpuSince
  const { deliveries, messages, twice } = await counts()
  const { most } = await memoryMb(server.pid)
  await stop(server)
  await stop(receiver)
  const folder = args[1]
  if (folder) await rm(folder, { recursive: true, force: true })
  return {
    scenario: name,
    publishedPerSecond: total / ((published - began) / 1000),
    deliveriesPerSecond: total / seconds,
    cpuMsPerDelivery: cpu / total,
    waitingMb: waiting.now,
    mostMb: most,
    lost: total - messages,
    twice: twice + (deliveries - messages),
  }
}

/** How long from starting the process until it listens. */
async function startTimes(): Promise<StartTimes> {
  const times: number[] = []
  for (let n = 0; n < 10; n++) {
    const began = performance.now()
    const server = await start([command, "--port", "0", "--quiet"], /NEXT_SIGNING_KEY/, values.node)
    times.push(performance.now() - began)
    await stop(server)
  }
  times.sort((a, b) => a - b)
  return { fastest: times[0] ?? 0, median: times[5] ?? 0, slowest: times[9] ?? 0 }
}

execFileSync("npm", ["run", "build", "--workspace", "qstash-local"], { stdio: "inherit" })
const starts = await startTimes()
const rows = []
for (const scenario of await scenarios()) rows.push(await measure(scenario))
const text = results({ args: process.argv.slice(2), node: values.node, total, perBatch, starts, rows })
console.log(text)
if (rows.some(({ lost, twice }) => lost > 0 || twice > 0)) throw new Error("messages were lost or came twice")
await writeFile(new URL("RESULTS.md", import.meta.url), text)
