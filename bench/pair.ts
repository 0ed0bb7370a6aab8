import { rmSync } from "node:fs"
import { join } from "node:path"
import { type DataSet, keyOf } from "./data.ts"
import type { Run } from "./measure.ts"
import { bareLoop } from "./peers/bare.ts"
import type { Moved, Service } from "./peers/imgmigrator.ts"
import { httpRemote, rclone, remote } from "./peers/rclone.ts"
import type { StoreServer } from "./servers/server.ts"

export type Scene = {
  readonly server: StoreServer
  readonly service: Service
  readonly set: DataSet
  /** Where the set's files are, and the bucket that holds them. */
  readonly files: string
  readonly bucket: string
  /** A folder on a real disk. */
  readonly disk: string
}

export type Comparison = {
  readonly server: string
  readonly path: string
  readonly set: string
  readonly count: number
  readonly bytes: number
  readonly transfers: number
  readonly run: "first" | "unchanged"
  readonly ours: Moved
  readonly theirs: Run
  /** Requests at the server, where it counts them. */
  readonly requests?: { readonly ours: number; readonly theirs: number }
  /** The bare loop, where it was run. */
  readonly bare?: Run
}

/** Two ends of a path, as each program names them. */
type Ends = { readonly ours: string; readonly theirs: string; readonly bare: string }

/** A first run of rclone's. */
type Copy = {
  readonly there: string
  readonly checks: "default" | "off"
  readonly run: Run
  readonly requests: number
}

const faster = <T>(all: readonly T[], runOf: (one: T) => Run): T =>
  all.reduce((a, b) => (runOf(a).seconds <= runOf(b).seconds ? a : b))

/** rclone's fastest honest comparison for a re-run: sizes, or the server's own times. */
const compares = [["--size-only"], ["--update", "--use-server-modtime"]] as const
let serial = 0

/** One pair: ours and rclone's, first run and unchanged re-run, each to a place that nobody has used. Who begins alternates. */
export async function compare(
  scene: Scene,
  path: string,
  transfers: number,
  index: number,
): Promise<readonly Comparison[]> {
  const { server, service, set } = scene
  const [from, to] = path.split("→")
  const source = sourceOf(scene, from ?? "")
  const options = { lanes: 2, concurrency: transfers / 2 }
  const used: string[] = []
  await server.index?.(scene.bucket)
  const fresh = async () => {
    const name = `dst-${serial++}`
    used.push(name)
    return destinationOf(scene, to ?? "", name)
  }
  const here = await fresh()
  const asked = { ours: 0, theirs: 0 }
  const counting = async <T>(who: keyof typeof asked, run: () => Promise<T>): Promise<T> => {
    const before = (await server.requests?.()) ?? 0
    const result = await run()
    // The question itself is one of them.
    asked[who] = ((await server.requests?.()) ?? 0) - before - 1
    return result
  }
  const move = () => service.migrate({ source: source.ours, destination: here.ours, options }, server.pids)
  const copy = async (checks: Copy["checks"]): Promise<Copy> => {
    const there = (await fresh()).theirs
    const run = await counting("theirs", () =>
      rclone(source.theirs, there, { transfers, checks }, server.pids),
    )
    return { there, checks, run, requests: asked.theirs }
  }
  const { first: ours, second: theirs } = await inTurn(
    index,
    () => counting("ours", move),
    async () => faster([await copy("default"), await copy("off")], ({ run }) => run),
  )
  asked.theirs = theirs.requests
  const requests = server.requests ? { requests: { ...asked } } : {}
  // Five is enough for a limit, and only where the listing and the ledger weigh most against it.
  const limit = path !== "list→s3" && set.bytes === 100_000 && transfers === 16
  const keys = Array.from({ length: set.count }, (_, i) => keyOf(i))
  const bare = limit
    ? await bareLoop(source.bare, (await fresh()).bare, transfers, keys, server.pids)
    : undefined
  const facts = { server: server.name, path, set: set.name, count: set.count, bytes: set.bytes, transfers }
  const rows: Comparison[] = [
    { ...facts, run: "first", ours, theirs: theirs.run, ...requests, ...(bare && { bare }) },
  ]
  if (path !== "list→s3") {
    if (to === "s3") for (const name of used) await server.index?.(name)
    const again = await inTurn(index, move, async () => {
      const runs: Run[] = []
      for (const compare of compares)
        runs.push(
          await rclone(
            source.theirs,
            theirs.there,
            { transfers, checks: theirs.checks, compare },
            server.pids,
          ),
        )
      return faster(runs, (run) => run)
    })
    rows.push({ ...facts, run: "unchanged", ours: again.first, theirs: again.second })
  }
  for (const name of used)
    if (to === "file") rmSync(join(scene.disk, name), { recursive: true, force: true })
    else await server.remove(name)
  return rows
}

async function inTurn<A, B>(index: number, a: () => Promise<A>, b: () => Promise<B>) {
  if (index % 2 === 0) return { first: await a(), second: await b() }
  const second = await b()
  return { first: await a(), second }
}

function sourceOf({ server, bucket, files, set }: Scene, kind: string): Ends {
  if (kind === "file") return { ours: `file:${files}`, theirs: files, bare: files }
  const lists = kind === "list" ? server.list?.(bucket, set) : undefined
  if (lists) return { ours: lists.list, theirs: httpRemote(lists.index), bare: "" }
  // Another name for the same server, so that both stream instead of asking the server to copy.
  const url = server.url.replace("127.0.0.1", "localhost")
  return s3(url, server.query, bucket)
}

async function destinationOf({ server, disk }: Scene, kind: string, name: string): Promise<Ends> {
  const folder = join(disk, name)
  if (kind === "file") return { ours: `file:${folder}`, theirs: folder, bare: folder }
  await server.make(name)
  return s3(server.url, server.query, name)
}

const s3 = (url: string, query: string, bucket: string): Ends => ({
  ours: `s3://${bucket}?endpoint=${url}${query}`,
  theirs: remote(url, bucket),
  bare: `${url}/${bucket}`,
})
