import { costSet, costs } from "./cost.ts"
import { machine, median, spread, table, version } from "./figures.ts"
import type { Run } from "./measure.ts"
import type { Comparison } from "./pair.ts"

/** The table of a comparison: medians, and ratios taken pair by pair. */
export function report(rows: readonly Comparison[]): string {
  const groups = [
    ...Map.groupBy(rows, ({ server, path, set, transfers, run }) =>
      [server, path, set, transfers, run].join("|"),
    ).values(),
  ]
  return `# ImgMigrator against rclone

Made by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}: ${machine()}, ${version("rclone", ["version"])}, ${version("nginx", ["-v"])}.

Both in alternation in one run, pair by pair, with the same server, the same files and the same number of transfers; who begins alternates. *Ours* is the whole service: API, DynamoDB, signed QStash deliveries and two worker
processes, started once, as a service is. Its time is from a migration's creation to its completion, its CPU that of all its processes, the table's and the queue's included. *rclone* is Debian's, in each pair once with its
checks at their default and once with them off (\`--ignore-checksum --s3-disable-checksum --s3-no-head\`), with \`--fast-list\` and as many checkers as transfers; an unchanged re-run is made by size and by the server's times. The
faster one counts each time.
*nginx* (DAV, one worker, objects in memory) checks nothing, the same for everyone, and leaves the client as the bottleneck (a lister of ours answers its listings, from an index that is there before either client comes; its CPU is not in the table); *s3-local* checks each signature and checksum, and is the bottleneck itself. Files are written to
a disk, by us with fsync.

Ratios: rclone's time ÷ ours, so more is better; CPU ours ÷ rclone's, so less is better. Median (lowest–highest).

## First run

${runs(groups, "first")}
## Unchanged re-run

${runs(groups, "unchanged")}
## The bare loop

GET and PUT of keys that are known beforehand, by the tightest undici program that we could write, in two processes: no listing, ledger, queue, checksum, retry or fsync. What we reach of it, whole pipeline, cold start of its two processes
counted against it:

${bare(groups)}
## What a million images cost

From the counters of the first runs above (${costSet}, 16 transfers, nginx): messages and units as the service counts them, requests as nginx counted them, listings included. Worker seconds are derived, since nothing here has S3's
latency: each request 0.15 s, 16 in flight, 1 GB. List prices of us-east-1, November 2026. Beside it a design with a message and a state row an image, 0.5 GB, one image at a time ([docs/deploy.md](../docs/deploy.md#cost)).

${costs(groups)}`
}

function runs(groups: readonly (readonly Comparison[])[], run: Comparison["run"]): string {
  const lines = groups.flatMap((group) => {
    const [first] = group
    if (first?.run !== run) return []
    const of = (take: (row: Comparison) => number) => median(group.map(take))
    const rate = ({ seconds }: Run) => first.count / seconds
    const megabytes = (run: Run) => (rate(run) * first.bytes) / 1e6
    const each = (seconds: number) => (1000 * seconds) / first.count
    const both = (take: (run: Run) => number, digits: number) =>
      `${of(({ ours }) => take(ours)).toFixed(digits)} / ${of(({ theirs }) => take(theirs)).toFixed(digits)}`
    return [
      [
        first.server,
        first.path,
        first.set,
        String(first.transfers),
        both(rate, 0),
        `**${spread(group.map(({ ours, theirs }) => theirs.seconds / ours.seconds))}**`,
        ...(run === "first" ? [both(megabytes, 0)] : []),
        both(({ cpu }) => each(cpu), 2),
        spread(group.map(({ ours, theirs }) => ours.cpu / theirs.cpu)),
        both(({ serverCpu }) => each(serverCpu), 2),
        both(({ memory }) => memory, 0),
        of(({ ours }) => ours.cost.messages / first.count).toFixed(5),
        of(({ ours }) => ours.cost.write_units / first.count).toFixed(3),
      ],
    ]
  })
  const rates = run === "first" ? ["MB/s, ours / rclone"] : []
  return table(
    ["server", "path", "set", "transfers", "objects/s, ours / rclone", "ratio", ...rates].concat(
      ["client CPU ms an object, ours / rclone", "CPU ratio", "server CPU ms an object"],
      ["peak MB of a process, ours / rclone", "messages an image", "write units an image"],
    ),
    lines,
  )
}

function bare(groups: readonly (readonly Comparison[])[]): string {
  const lines = groups.flatMap((group) => {
    const both = group.flatMap(({ ours, bare }) => (bare ? [{ ours, bare }] : []))
    const [first] = group
    if (!first || both.length === 0) return []
    const rate = (seconds: number) => (first.count / seconds).toFixed(0)
    const each = (seconds: number) => ((1000 * seconds) / first.count).toFixed(2)
    return [
      [
        first.server,
        first.path,
        first.set,
        String(first.transfers),
        `${rate(median(both.map(({ ours }) => ours.seconds)))} / ${rate(median(both.map(({ bare }) => bare.seconds)))}`,
        `**${spread(both.map(({ ours, bare }) => bare.seconds / ours.seconds))}**`,
        `${each(median(both.map(({ ours }) => ours.cpu)))} / ${each(median(both.map(({ bare }) => bare.cpu)))}`,
      ],
    ]
  })
  return table(
    [
      "server",
      "path",
      "set",
      "transfers",
      "objects/s, ours / bare",
      "fraction",
      "CPU ms an object, ours / bare",
    ],
    lines,
  )
}
