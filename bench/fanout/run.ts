/** `npm run bench:fanout`: how far side by side goes on AWS, and what stops it. Writes docs/fan-out.md and its picture. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { table } from "../figures.ts"
import { type Line, plot } from "./plot.ts"
import { type Outcome, type Setting, simulate } from "./simulate.ts"

const docs = join(import.meta.dirname, "../../docs")
const lanes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_000]
const base = { images: 1_000_000, bytes: 300_000, concurrency: 16 }
const settings: readonly (readonly [name: string, setting: Omit<Setting, "lanes">])[] = [
  ["300 KB, one prefix", { ...base, prefixes: 1 }],
  ["300 KB, eight prefixes", { ...base, prefixes: 8 }],
  ["3 MB, one prefix", { ...base, bytes: 3_000_000, prefixes: 1 }],
]
const runs = settings.map(([name, setting]) => ({
  name,
  outcomes: lanes.map((count) => [count, simulate({ ...setting, lanes: count })] as const),
}))

const duration = (seconds: number) =>
  seconds < 120
    ? `${seconds.toFixed(0)} s`
    : seconds < 7_200
      ? `${(seconds / 60).toFixed(0)} min`
      : `${(seconds / 3600).toFixed(1)} h`
const line = (count: number, o: Outcome): readonly string[] => [
  count.toLocaleString("en"),
  o.perSecond.toFixed(0),
  duration(o.seconds),
  o.wall,
  String(o.messages),
  o.writeUnits.toFixed(0),
  o.gigabyteSeconds.toFixed(0),
  `$${o.dollarsAbove.toFixed(2)}`,
  `$${o.dollars.toFixed(2)}`,
]
const lines: Line[] = runs.map(({ name, outcomes }) => ({
  name,
  points: outcomes.map(([count, { perSecond }]) => [count, perSecond] as const),
}))

writeFileSync(
  join(docs, "images/fan-out.svg"),
  plot(lines, { x: "workers side by side", y: "images a second" }),
)
writeFileSync(
  join(docs, "fan-out.md"),
  `# How far side by side goes

A simulation, made by \`npm run bench:fanout\`: a million images from bucket to bucket in one region, by the ledger's own rules (how lanes are woken, how many chunks each takes) on a virtual clock, against the
limits of Lambda, S3 and DynamoDB as their documentation gives them. [bench/fanout/limits.ts](../bench/fanout/limits.ts) has each figure with its source; those that no page tells are assumed and marked so there. Nothing of this was
measured on AWS.

![Images a second by workers side by side](images/fan-out.svg)

A migration has up to 64 lanes; more workers are several migrations side by side. QStash's plan bounds them: 10 on the free plan, 100, 200 and 1,000 on the others. *First wall*: what most of the waiting was for.

${runs
  .map(
    ({ name, outcomes }) =>
      `## ${name}\n\n${table(
        [
          "workers",
          "images/s",
          "a million in",
          "first wall",
          "messages",
          "write units",
          "GB-seconds",
          "above S3's price",
          "with it",
        ],
        outcomes.map(([count, outcome]) => line(count, outcome)),
      )}`,
  )
  .join("\n")}`,
)
for (const { name, outcomes } of runs)
  console.log(`${name}\n${outcomes.map(([count, o]) => line(count, o).join("  ")).join("\n")}`)
