import { prices } from "./fanout/limits.ts"
import { median, table } from "./figures.ts"
import type { Comparison } from "./pair.ts"

/** The set that costs are counted with. */
export const costSet = "5,000 × 100 KB"

/** What a million images cost, by path, from what was counted. */
export function costs(groups: readonly (readonly Comparison[])[]): string {
  const lines = groups.flatMap((group) => {
    const [first] = group
    if (first?.run !== "first" || first.server !== "nginx" || first.set !== costSet || first.transfers !== 16)
      return []
    const million = (take: (row: Comparison) => number) => (median(group.map(take)) / first.count) * 1e6
    const requests = million(({ requests }) => requests?.ours ?? 0)
    const [from, to] = first.path.split("→")
    const remote = [from, to].filter((end) => end !== "file").length
    return [
      costLine(first.path, {
        messages: million(({ ours }) => ours.cost.messages),
        writes: million(({ ours }) => ours.cost.write_units),
        reads: million(({ ours }) => ours.cost.read_units),
        requests,
        rclone: million(({ requests }) => requests?.theirs ?? 0),
        seconds: (requests * 0.15) / 16,
        store: (from === "s3" ? 0.4 : 0) + (to === "s3" ? 5 : 0),
        isOnAws: remote === 2,
      }),
    ]
  })
  const each = costLine("s3→s3, a message and a row an image", {
    messages: 1e6,
    writes: 3e6,
    reads: 1e6,
    requests: 2e6,
    seconds: 0.31e6 * 0.5,
    store: 5.4,
    isOnAws: true,
  })
  return table(
    ["path", "messages", "write units", "read units", "requests", "rclone's requests", "GB-seconds"].concat([
      "dollars above the store's price",
      "with it",
    ]),
    [...lines, each],
  )
}

type Units = {
  readonly messages: number
  readonly writes: number
  readonly reads: number
  readonly requests: number
  readonly rclone?: number
  readonly seconds: number
  /** What S3 takes for its own requests. */
  readonly store: number
  /** A folder is moved by the local service, where no Lambda is paid. */
  readonly isOnAws: boolean
}

function costLine(name: string, units: Units): readonly string[] {
  const { messages, writes, reads, seconds, store, isOnAws } = units
  const above =
    messages * prices.message +
    writes * prices.writeUnit +
    reads * prices.readUnit +
    (isOnAws ? seconds * prices.gigabyteSecond + messages * prices.invocation : 0)
  const whole = (value: number | undefined) =>
    value === undefined ? "" : Math.round(value).toLocaleString("en")
  return [
    name,
    whole(messages),
    whole(writes),
    whole(reads),
    whole(units.requests),
    whole(units.rclone),
    isOnAws ? whole(seconds) : "",
    above.toFixed(2),
    (above + store).toFixed(2),
  ]
}
