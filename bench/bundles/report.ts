import { cpus, loadavg, release, totalmem } from "node:os"
import type { Spent } from "../../test/infra/support/lambda.ts"

/** A cold start: until the runtime asks for its first event, and until that is answered. */
export type Start = { readonly ready: Spent; readonly answered: Spent }
export type Measured = {
  readonly name: string
  readonly bytes: number
  /** What it may have: bytes, and the multiple of the client alone; absent for the client itself. */
  readonly target?: { readonly bytes: number; readonly ratio: number }
  readonly starts: readonly Start[]
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

const measures: readonly ((start: Start) => number)[] = [
  ({ ready }) => ready.cpu,
  ({ answered }) => answered.cpu,
  ({ ready }) => ready.wall,
  ({ answered }) => answered.wall,
]

/** The first is what the others are compared with. */
export function report([base, ...rest]: readonly Measured[], command: string, load: number): string {
  const of = (each: Measured | undefined) => measures.map((take) => median(each?.starts.map(take) ?? []))
  const floor = of(base)
  const row = (each: Measured | undefined) => {
    const times = of(each).map((time, n) => `${Math.round(time)} (${(time / (floor[n] ?? 1)).toFixed(2)})`)
    return `| ${[each?.name, Math.round((each?.bytes ?? 0) / 1000), ...times, verdict(each, floor)].join(" | ")} |`
  }
  return `# What a cold start costs

Made by \`${command}\` on ${new Date().toISOString().slice(0, 10)}: ${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 1024 ** 3)} GiB, Linux ${release()},
Node ${process.version}; load average ${load.toFixed(1)} when it began, ${loadavg()[0]?.toFixed(1)} when it ended.

The bundles that \`sst deploy\` would upload (minified), each in a process of its own with the environment of the plan and a stand-in of ours for Lambda's runtime, answering a
real first event against a local DynamoDB. Medians of ${base?.starts.length} cold starts, all functions in turns; in brackets, as a multiple of the DynamoDB client
alone with one read. It is this machine's processor, not Lambda's: the ratios carry over, the milliseconds do not.

Targets: a function of the API under 900 kB and 1.6 times the client, a worker under 1.4 MB and 1.8 times, in processor time, both until it is ready and until the first answer.

| function | kB | ready, CPU ms | first answer, CPU ms | ready, ms | first answer, ms | target |
|---|---|---|---|---|---|---|
${[base, ...rest].map(row).join("\n")}
`
}

function verdict(each: Measured | undefined, floor: readonly number[]): string {
  if (!each?.target) return ""
  const { bytes, ratio } = each.target
  const cpu = measures.slice(0, 2).map((take, n) => median(each.starts.map(take)) / (floor[n] ?? 1))
  return each.bytes < bytes && cpu.every((multiple) => multiple <= ratio) ? "met" : "**missed**"
}
