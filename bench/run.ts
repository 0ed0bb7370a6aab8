/**
 * `npm run bench`: the whole service against rclone, and the bare loop as the limit, side by side in one run. What was
 * measured is kept row by row in bench/data/rows.ndjson; `--report` writes bench/RESULTS.md from it.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { makeSet, sets } from "./data.ts"
import { type Comparison, compare, type Scene } from "./pair.ts"
import { startService } from "./peers/imgmigrator.ts"
import { report } from "./report.ts"
import { startNginx } from "./servers/nginx.ts"
import type { StoreServer } from "./servers/server.ts"
import { startStrict } from "./servers/strict.ts"

const { values: flags } = parseArgs({
  options: {
    pairs: { type: "string", default: "5" },
    transfers: { type: "string", default: "16,64" },
    paths: { type: "string", default: "file→s3,s3→s3,list→s3,s3→file" },
    sets: { type: "string", default: "0,1,2" },
    servers: { type: "string", default: "nginx,s3-local" },
    /** Add to the rows of an earlier run instead of beginning anew. */
    add: { type: "boolean", default: false },
    /** Only write the table of what was measured. */
    report: { type: "boolean", default: false },
  },
})

const kept = join(import.meta.dirname, "data")
const rows = join(kept, "rows.ndjson")
mkdirSync(kept, { recursive: true })

if (!flags.report) await measure()
const all = readFileSync(rows, "utf8").split("\n").filter(Boolean)
writeFileSync(
  join(import.meta.dirname, "RESULTS.md"),
  report(all.map((line): Comparison => JSON.parse(line))),
)
console.log("written: bench/RESULTS.md")

async function measure() {
  if (!flags.add && existsSync(rows)) rmSync(rows)
  /** Servers keep their objects in memory, so that no disk decides; what is written as files goes to the disk. */
  const memory = "/dev/shm/imgmigrator-bench"
  const disk = join(tmpdir(), "imgmigrator-bench")
  for (const folder of [memory, disk]) {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
  }
  const servers: StoreServer[] = []
  const service = await startService(join(memory, "state"), 9_702)
  try {
    if (flags.servers.includes("nginx")) servers.push(await startNginx(memory, 9_701))
    if (flags.servers.includes("s3-local")) servers.push(await startStrict(join(memory, "strict")))
    for (const index of flags.sets.split(",").map(Number)) {
      const set = sets[index]
      if (!set) throw new Error(`There is no set ${index}.`)
      const files = makeSet(join(memory, `set-${index}`), set)
      for (const server of servers) {
        // The second server is there so that no figure hangs on one: one set, one number of transfers.
        if (server.name !== "nginx" && index !== 0) continue
        await measureOn({ server, service, set, files, disk, bucket: `set-${index}` })
      }
      rmSync(files, { recursive: true, force: true })
    }
  } finally {
    await service.close()
    for (const server of servers) await server.close()
    for (const folder of [memory, disk]) rmSync(folder, { recursive: true, force: true })
  }
}

async function measureOn(scene: Scene) {
  const { server, set, files, bucket } = scene
  await server.fill(bucket, files)
  for (const path of flags.paths.split(",")) {
    if (path === "list→s3" && !server.list) continue
    for (const transfers of flags.transfers.split(",").map(Number)) {
      if (server.name !== "nginx" && transfers !== 16) continue
      for (let i = 0; i < Number(flags.pairs); i++) {
        for (const row of await compare(scene, path, transfers, i)) {
          appendFileSync(rows, `${JSON.stringify(row)}\n`)
          const { run, ours, theirs } = row
          const rate = (seconds: number) => `${(set.count / seconds).toFixed(0)}/s`
          console.log(
            server.name,
            path,
            set.name,
            transfers,
            run,
            rate(ours.seconds),
            "rclone",
            rate(theirs.seconds),
          )
        }
      }
    }
  }
  await server.remove(bucket)
}
