/** `npm run bench:listing`: how fast one delivery plans a bucket, against one listing by the S3 SDK. Writes RESULTS.md beside it. */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { promisify } from "node:util"
import { machine, median, spread, table } from "../figures.ts"

const count = 200_000
const pairs = Number(process.argv[2] ?? 5)
const at = (file: string) => join(import.meta.dirname, file)

async function seconds(program: string, endpoint: string): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [at(program), endpoint, String(count)])
  return Number(stdout)
}

const lines: string[][] = []
const cases = [
  { latency: 0, perFolder: 9_000 },
  { latency: 80, perFolder: 9_000 },
  // Folders end within pages, or with them.
  { latency: 80, perFolder: 1_500 },
  { latency: 80, perFolder: 1_000 },
  // Random names.
  { latency: 80, perFolder: 0 },
]
for (const { latency, perFolder } of cases) {
  const server = spawn(
    process.execPath,
    [at("server.ts"), String(count), String(latency), String(perFolder)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  )
  const [port] = await once(createInterface(server.stdout), "line")
  const [ours, theirs]: [number[], number[]] = [[], []]
  for (let i = 0; i < pairs; i++) {
    ours.push(await seconds("plan.ts", `http://127.0.0.1:${port}`))
    theirs.push(await seconds("sdk.ts", `http://127.0.0.1:${port}`))
  }
  const ratios = ours.map((own, i) => (theirs[i] ?? 0) / own)
  const rate = (all: readonly number[]) => (count / median(all)).toFixed(0)
  lines.push([
    perFolder === 0 ? "random names" : perFolder.toLocaleString("en"),
    `${latency} ms`,
    rate(ours),
    rate(theirs),
    `**${spread(ratios)}**`,
  ])
  console.log(lines.at(-1)?.join("  "))
  server.kill("SIGKILL")
  await once(server, "exit")
}

writeFileSync(
  at("RESULTS.md"),
  `# Planning a bucket

Made by \`npm run bench:listing\` on ${new Date().toISOString().slice(0, 10)}: ${machine()}.

${count.toLocaleString("en")} keys: camera names in folders, or random names. *Ours* is one delivery of a migration with \`dry_run\`: it lists both sides, compares, and stores the plan in a real table. *SDK* is \`paginateListObjectsV2\` of
@aws-sdk/client-s3, doing nothing with what comes. Both in turn, in processes of their own, ${pairs} pairs; the server answers each page after the latency (S3 takes about 100 ms). Ratio: the SDK's time ÷ ours.

${table(["keys a folder", "latency of a page", "ours, keys/s", "SDK, keys/s", "ratio"], lines)}`,
)
