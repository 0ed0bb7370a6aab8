import { execFileSync } from "node:child_process"
import { cpus, totalmem } from "node:os"
import type { Run } from "./measure.ts"
import type { Moved } from "./peers/imgmigrator.ts"

export type Comparison = {
  readonly path: string
  readonly set: string
  readonly count: number
  readonly bytes: number
  readonly transfers: number
  readonly run: "first" | "unchanged"
  readonly ours: Moved
  readonly theirs: Run
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/** A table of medians, with each ratio taken pair by pair. */
export function report(rows: readonly Comparison[], args: readonly string[]): string {
  const groups = Map.groupBy(rows, ({ path, set, transfers, run }) => `${path}|${set}|${transfers}|${run}`)
  const lines = [...groups.values()].flatMap((group) => {
    const [first] = group
    if (!first) return []
    const of = (take: (row: Comparison) => number) => median(group.map(take))
    const ratios = group.map(({ ours, theirs }) => theirs.seconds / ours.seconds)
    const cpuRatios = group.map(({ ours, theirs }) => ours.cpu / theirs.cpu)
    const rate = (run: Run) => first.count / run.seconds
    const perItem = (run: Run) => (1000 * run.cpu) / first.count
    const serverItem = (run: Run) => (1000 * run.serverCpu) / first.count
    return [
      [
        first.path,
        first.set,
        first.transfers,
        first.run,
        of(({ ours }) => rate(ours)).toFixed(0),
        of(({ theirs }) => rate(theirs)).toFixed(0),
        `**${median(ratios).toFixed(2)}** (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`,
        of(({ ours }) => (rate(ours) * first.bytes) / 1e6).toFixed(0),
        of(({ theirs }) => (rate(theirs) * first.bytes) / 1e6).toFixed(0),
        of(({ ours }) => perItem(ours)).toFixed(2),
        of(({ theirs }) => perItem(theirs)).toFixed(2),
        median(cpuRatios).toFixed(2),
        `${of(({ ours }) => serverItem(ours)).toFixed(2)} / ${of(({ theirs }) => serverItem(theirs)).toFixed(2)}`,
        `${of(({ ours }) => ours.memory).toFixed(0)} / ${of(({ theirs }) => theirs.memory).toFixed(0)}`,
        of(({ ours }) => ours.cost.messages / first.count).toFixed(4),
        of(({ ours }) => ours.cost.write_units / first.count).toFixed(3),
      ].join(" | "),
    ]
  })
  return `# Results

Made by \`npm run bench -- ${args.join(" ")}\` on ${new Date().toISOString().slice(0, 10)}: ${cpus()[0]?.model}, ${cpus().length} cores,
${Math.round(totalmem() / 1024 ** 3)} GiB, Node ${process.version}, ${version("rclone", ["version"])}, ${version("nginx", ["-v"])}.
Both in alternation in one run, pair by pair, the same server (nginx, one worker, objects in memory), the same files, the same number of transfers. Ours is the whole service: API,
DynamoDB, signed QStash deliveries, two worker processes, started once; its time is from the migration's creation to its completion, its CPU that of all its processes. rclone's checks are
at their default and off in turn; its re-runs are compared by size and by the server's times, and the faster counts. Ratios are rclone's time ÷ ours, median (lowest–highest); CPU ratios ours ÷ rclone's.

| path | set | transfers | run | ours, obj/s | rclone, obj/s | ratio | ours, MB/s | rclone, MB/s | ours, CPU ms/obj | rclone, CPU ms/obj | CPU ratio | server CPU ms/obj, ours / rclone | peak MB of a process, ours / rclone | messages/obj | write units/obj |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
${lines.map((line) => `| ${line} |`).join("\n")}
`
}

function version(command: string, args: readonly string[]): string {
  try {
    const text = execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })
    return text.split("\n")[0] || command
  } catch {
    return command
  }
}
