/** `npm run bench:celery`: the same job by a Celery worker, a task an image and in batches, beside ours. Writes RESULTS.md beside it. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { makeSet, sets } from "../data.ts"
import { machine, median, spread, table, version } from "../figures.ts"
import type { Run } from "../measure.ts"
import { startService } from "../peers/imgmigrator.ts"
import { startNginx } from "../servers/nginx.ts"
import { startCluster } from "./cluster.ts"

const pairs = Number(process.argv[2] ?? 5)
const transfers = 16
const memory = "/dev/shm/imgmigrator-bench-celery"
rmSync(memory, { recursive: true, force: true })
mkdirSync(memory, { recursive: true })

const [set] = sets
if (!set) throw new Error("There is no set.")
const nginx = await startNginx(memory, 9_704)
const service = await startService(join(memory, "state"), 9_705)
const cluster = await startCluster(nginx.url, transfers)
const runs: Record<"ours" | "image" | "batch", Run[]> = { ours: [], image: [], batch: [] }
let messages = 0
const idle = cluster.idle()
try {
  await nginx.fill("source", makeSet(join(memory, "set"), set))
  const into = async (name: keyof typeof runs, i: number, move: (bucket: string) => Promise<Run>) => {
    const bucket = `${name}-${i}`
    await nginx.make(bucket)
    const run = await move(bucket)
    runs[name].push(run)
    await nginx.remove(bucket)
    console.log(name, `${(set.count / run.seconds).toFixed(0)}/s`)
  }
  for (let i = 0; i < pairs; i++) {
    await into("ours", i, async (bucket) => {
      const address = (name: string, url: string) => `s3://${name}?endpoint=${url}${nginx.query}`
      const moved = await service.migrate(
        {
          source: address("source", nginx.url.replace("127.0.0.1", "localhost")),
          destination: address(bucket, nginx.url),
          options: { lanes: 2, concurrency: transfers / 2 },
        },
        nginx.pids,
      )
      messages = moved.cost.messages
      return moved
    })
    await into("image", i, (bucket) => cluster.copy("source", bucket, set.count, 1, nginx.pids))
    await into("batch", i, (bucket) => cluster.copy("source", bucket, set.count, 100, nginx.pids))
  }
} finally {
  await cluster.close()
  await service.close()
  await nginx.close()
  rmSync(memory, { recursive: true, force: true })
}

const line = (name: string, own: readonly Run[], messages: number, stands: string) => [
  name,
  (set.count / median(own.map(({ seconds }) => seconds))).toFixed(0),
  own === runs.ours
    ? ""
    : `**${spread(own.map(({ seconds }, i) => seconds / (runs.ours[i]?.seconds ?? 1)))}**`,
  ((1000 * median(own.map(({ cpu }) => cpu))) / set.count).toFixed(2),
  median(own.map(({ memory }) => memory)).toFixed(0),
  (messages / set.count).toFixed(4),
  stands,
]
writeFileSync(
  join(import.meta.dirname, "RESULTS.md"),
  `# ImgMigrator against a Celery worker

Made by \`npm run bench:celery\` on ${new Date().toISOString().slice(0, 10)}: ${machine()}, ${version("/usr/bin/python3", ["-c", '\'import celery,boto3;print("Celery",celery.__version__,"boto3",boto3.__version__)\''])}, ${version("redis-server", ["--version"]).split(" sha")[0]}.

${set.name}, from bucket to bucket on the same nginx, ${transfers} side by side, ${pairs} times in turn. *Ours* is the whole service, with plan, ledger, verification, signed deliveries. *Celery* is [tasks.py](tasks.py): ${transfers} worker processes that
GET and PUT with boto3, late acknowledgement, no result store, no plan, no verification, no way to go on. CPU is that of all processes of each: ours with table and queue, Celery's with Redis and the producer.

${table(
  [
    "who",
    "objects/s",
    "its time ÷ ours",
    "CPU ms an object",
    "peak MB",
    "messages an image",
    "stands idle when nothing is to do",
  ],
  [
    line("ImgMigrator", runs.ours, messages, "on AWS nothing; here one service with two workers"),
    line(
      "Celery, a task an image",
      runs.image,
      set.count,
      `${idle.processes} processes, ${idle.memory.toFixed(0)} MB`,
    ),
    line("Celery, batches of 100", runs.batch, set.count / 100, "the same"),
  ],
)}
Ours: peak memory is that of the largest process; Celery's that of all.
`,
)
