import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { type DataSet, makeSet, sets } from "./data.ts"
import type { Run } from "./measure.ts"
import { type Moved, startService } from "./peers/imgmigrator.ts"
import { httpRemote, rclone, remote } from "./peers/rclone.ts"
import { type Comparison, report } from "./report.ts"
import { startNginx } from "./servers/nginx.ts"

const { values: flags } = parseArgs({
  options: {
    pairs: { type: "string", default: "5" },
    transfers: { type: "string", default: "16,64" },
    paths: { type: "string", default: "file→s3,s3→s3,list→s3,s3→file" },
    sets: { type: "string", default: "0,1,2" },
    out: { type: "string", default: "bench/RESULTS.md" },
  },
})

/** Servers keep their objects in memory, so that no disk decides; what is written as files goes to the disk. */
const memory = "/dev/shm/imgmigrator-bench"
const disk = join(tmpdir(), "imgmigrator-bench")
for (const folder of [memory, disk]) mkdirSync(folder, { recursive: true })

type Ends = {
  readonly ours: readonly [source: string, destination: string]
  readonly theirs: readonly [source: string, destination: string]
  /** Where the copies are, to be thrown away. */
  readonly folder: string
}

const nginx = await startNginx(memory, 9_701)
const service = await startService(join(memory, "state"), 9_702)
let serial = 0

/** The two ends of a path, with a destination that nobody has used. */
function ends(path: string, index: number): Ends {
  const name = `set-${index}`
  const into = `dst-${serial++}`
  const s3 = (bucket: string) => `s3://${bucket}?endpoint=${nginx.url}&verify=sent`
  const files = join(memory, name, "library")
  const toFile = join(disk, into)
  const toS3 = join(nginx.root, into)
  if (path === "s3→file")
    return { ours: [s3(name), `file:${toFile}`], theirs: [remote(nginx.url, name), toFile], folder: toFile }
  mkdirSync(toS3, { recursive: true })
  const destination = [s3(into), remote(nginx.url, into)] as const
  if (path === "file→s3")
    return { ours: [`file:${files}`, destination[0]], theirs: [files, destination[1]], folder: toS3 }
  if (path === "s3→s3") {
    // Another name for the same server, so that both stream instead of asking the server to copy.
    const other = nginx.url.replace("127.0.0.1", "localhost")
    return {
      ours: [`s3://${name}?endpoint=${other}&verify=sent`, destination[0]],
      theirs: [remote(other, name), destination[1]],
      folder: toS3,
    }
  }
  return {
    ours: [`${nginx.url}/lists/${name}.txt`, destination[0]],
    theirs: [httpRemote(`${nginx.url}/auto/${name}/`), destination[1]],
    folder: toS3,
  }
}

function prepare(set: DataSet, index: number) {
  const folder = join(memory, `set-${index}`)
  makeSet(folder, set)
  rmSync(join(nginx.root, `set-${index}`), { force: true })
  symlinkSync(join(folder, "library"), join(nginx.root, `set-${index}`))
  mkdirSync(join(nginx.root, "lists"), { recursive: true })
  const urls = Array.from(
    { length: set.count },
    (_, i) =>
      `${nginx.url}/set-${index}/DCIM${String(Math.floor(i / 1000)).padStart(3, "0")}/IMG_${String(i).padStart(5, "0")}.jpg`,
  )
  writeFileSync(join(nginx.root, "lists", `set-${index}.txt`), urls.join("\n"))
}

/** rclone's fastest honest comparison for a re-run: sizes, or the server's own times. */
const compares = [["--size-only"], ["--update", "--use-server-modtime"]] as const

async function pair(
  path: string,
  set: DataSet,
  index: number,
  transfers: number,
): Promise<readonly Comparison[]> {
  const a = ends(path, index)
  const b = ends(path, index)
  const lanes = 2
  const options = ["--lanes", String(lanes), "--concurrency", String(transfers / lanes)]
  const o = { transfers, checks: serial % 4 < 2 ? "default" : "off" } as const
  const ours: Moved = await service.migrate(...a.ours, options, nginx.pids)
  const theirs: Run = await rclone(...b.theirs, o, nginx.pids)
  const rows: Comparison[] = [
    { path, set: set.name, count: set.count, bytes: set.bytes, transfers, run: "first", ours, theirs },
  ]
  if (path !== "list→s3") {
    const again = await service.migrate(...a.ours, options, nginx.pids)
    const runs: Run[] = []
    for (const compare of compares) runs.push(await rclone(...b.theirs, { ...o, compare }, nginx.pids))
    const best = runs.reduce((x, y) => (x.seconds <= y.seconds ? x : y))
    rows.push({
      path,
      set: set.name,
      count: set.count,
      bytes: set.bytes,
      transfers,
      run: "unchanged",
      ours: again,
      theirs: best,
    })
  }
  for (const { folder } of [a, b]) rmSync(folder, { recursive: true, force: true })
  return rows
}

const rows: Comparison[] = []
try {
  for (const index of flags.sets.split(",").map(Number)) {
    const set = sets[index]
    if (!set) throw new Error(`There is no set ${index}.`)
    prepare(set, index)
    for (const path of flags.paths.split(","))
      for (const transfers of flags.transfers.split(",").map(Number))
        for (let i = 0; i < Number(flags.pairs); i++) {
          const done = await pair(path, set, index, transfers)
          rows.push(...done)
          for (const { run, ours, theirs } of done)
            console.log(
              path,
              set.name,
              transfers,
              run,
              `ours ${(set.count / ours.seconds).toFixed(0)}/s`,
              `rclone ${(set.count / theirs.seconds).toFixed(0)}/s`,
            )
        }
  }
} finally {
  await service.close()
  await nginx.close()
  rmSync(disk, { recursive: true, force: true })
  rmSync(join(memory, "state"), { recursive: true, force: true })
}
writeFileSync(flags.out, report(rows, process.argv.slice(2)))
console.log(`written: ${flags.out}`)
