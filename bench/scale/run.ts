/** `npm run bench:scale`: what an item costs among ten thousand, a hundred thousand and a million. Writes RESULTS.md beside it. */
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { machine, table } from "../figures.ts"
import type { Names } from "./synthetic.ts"

export type One = {
  readonly seconds: number
  readonly cpu: number
  readonly memory: number
  readonly messages: number
  readonly writes: number
  readonly reads: number
  readonly tableBytes: number
}
type Both = { readonly first: One; readonly again: One }

const cases: readonly (readonly [count: number, names: Names])[] = [
  [10_000, "camera"],
  [100_000, "camera"],
  [1_000_000, "camera"],
  [100_000, "random"],
]

/** In a process of its own, so that its peak of memory is its own. The median by CPU of an odd number of runs. */
async function measure(count: number, names: Names): Promise<Both> {
  const runs: Both[] = []
  for (let i = 0; i < (count > 10_000 ? 1 : 3); i++) {
    const folder = mkdtempSync(join(tmpdir(), "scale-"))
    try {
      const args = [join(import.meta.dirname, "one.ts"), String(count), names, folder]
      const { stdout } = await promisify(execFile)(process.execPath, args)
      runs.push(JSON.parse(stdout))
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
  const [middle] = runs.toSorted((a, b) => a.first.cpu - b.first.cpu).slice(Math.floor(runs.length / 2))
  if (!middle) throw new Error("nothing was measured")
  return middle
}

const line = (count: number, names: Names, run: string, one: One): readonly string[] => [
  count.toLocaleString("en"),
  names,
  run,
  one.seconds.toFixed(1),
  (count / one.seconds).toFixed(0),
  ((1000 * one.cpu) / count).toFixed(3),
  one.memory.toFixed(0),
  String(one.messages),
  (one.messages / count).toFixed(6),
  (one.writes / count).toFixed(4),
  (one.reads / count).toFixed(4),
  (one.tableBytes / count).toFixed(0),
]

const lines: (readonly string[])[] = []
const costs = new Map<number, number>()
for (const [count, names] of cases) {
  const { first, again } = await measure(count, names)
  if (names === "camera") costs.set(count, first.cpu / count)
  lines.push(line(count, names, "first", first), line(count, names, "unchanged", again))
  console.log(lines.slice(-2))
}
const growth = (costs.get(1_000_000) ?? 0) / (costs.get(10_000) ?? 1)

writeFileSync(
  join(import.meta.dirname, "RESULTS.md"),
  `# What an item costs, whatever their number

Made by \`npm run bench:scale\` on ${new Date().toISOString().slice(0, 10)}: ${machine()}.

A library of images of 1 KB that exists only as a rule (\`synthetic.ts\`: it lists and serves as S3 would, without a disk) goes through the real jobs and a real table (dynoxide, on disk), in one process with four lanes: what is
left is the service's own work. CPU is that of this process and of the table. *Table bytes* are what the table's file grew by. Each line is a process of its own.

${table(
  [
    "items",
    "names",
    "run",
    "seconds",
    "items/s",
    "CPU ms an item",
    "peak MB",
    "messages",
    "messages an item",
  ].concat(["write units an item", "read units an item", "table bytes an item"]),
  lines,
)}
CPU per item of a first run, 1,000,000 against 10,000: **${growth.toFixed(2)}** (target: at most 1.1).
`,
)
