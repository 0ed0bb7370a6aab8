import { execFileSync } from "node:child_process"
import { cpus, loadavg, release, totalmem } from "node:os"

export type Row = {
  readonly scenario: string
  readonly publishedPerSecond: number
  readonly deliveriesPerSecond: number
  readonly cpuMsPerDelivery: number
  readonly waitingMb: number
  readonly mostMb: number
  readonly lost: number
  readonly twice: number
}

/** In milliseconds. */
export type StartTimes = { readonly fastest: number; readonly median: number; readonly slowest: number }

type Measured = {
  readonly args: readonly string[]
  readonly node: string
  readonly total: number
  readonly perBatch: number
  readonly starts: StartTimes
  readonly rows: readonly Row[]
}

/** RESULTS.md: what was measured, where and how. */
export function results({ args, node, total, perBatch, starts, rows }: Measured): string {
  const command = ["npm run bench:qstash-local", ...(args.length > 0 ? ["--", ...args] : [])].join(" ")
  const version = execFileSync(node, ["--version"]).toString().trim()
  const lines = rows.map((row) =>
    [
      row.scenario,
      row.publishedPerSecond.toFixed(0),
      row.deliveriesPerSecond.toFixed(0),
      row.cpuMsPerDelivery.toFixed(2),
      row.waitingMb,
      row.mostMb,
      row.lost,
      row.twice,
    ].join(" | "),
  )
  return `# What the local QStash costs

Made by \`${command}\` on ${new Date().toISOString().slice(0, 10)}: ${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 1024 ** 3)} GiB, Linux ${release()},
Node ${version}, load average at the end ${loadavg()[0]?.toFixed(1)} (server, receiver and publisher alone make about 2).

${total.toLocaleString("en")} messages in batches of ${perBatch}, one server process, one receiver that counts by message id. CPU is the server's, user and system; it
includes publishing, but not where all messages were held back by a paused flow control key until the last one was accepted: there it is that of the deliveries alone, as are their seconds.

| messages | published/s | deliveries/s | CPU ms/delivery | MB when all are published | MB at most | lost | twice |
|---|---|---|---|---|---|---|---|
${lines.map((line) => `| ${line} |`).join("\n")}

From starting \`node dist/main.js\` until it listens, ten times: ${starts.fastest.toFixed(0)} ms at best, ${starts.median.toFixed(0)} ms in the middle, ${starts.slowest.toFixed(0)} ms at worst.
`
}
