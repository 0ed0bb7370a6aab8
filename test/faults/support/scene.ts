import { readFileSync } from "node:fs"
import { join } from "node:path"
import { totalsOf } from "@imgmigrator/core/books"
import { isActive } from "@imgmigrator/core/status"
import { openStore, type StoreSettings } from "@imgmigrator/stores"
import { startS3 } from "s3-local"
import { onTestFinished } from "vitest"
import { readLanes } from "../../../packages/functions/src/db/lanes.ts"
import { mustGetMigration } from "../../../packages/functions/src/db/migrations.ts"
import { readReport } from "../../../packages/functions/src/db/reports.ts"
import type { MigrationRow } from "../../../packages/functions/src/db/rows.ts"
import type { Answer } from "../../../packages/functions/src/jobs/process-migration.ts"
import { sweep } from "../../../packages/functions/src/jobs/sweep.ts"
import { begin, testWorld } from "../../support/harness.ts"
import { libraryFiles, libraryPath } from "../../support/library.ts"
import { bucketOf } from "./bucket.ts"
import type { HandClock } from "./hand-clock.ts"
import { startProxy } from "./proxy.ts"
import { testClock } from "./time.ts"

/** Real images, the smallest of the library. */
export const images: Readonly<Record<string, Buffer>> = Object.fromEntries(
  libraryFiles
    .filter(({ bytes, path }) => bytes > 100 && bytes < 60_000 && /^[\w./-]+$/.test(path))
    .slice(0, 6)
    .map(({ path }) => [path, readFileSync(join(libraryPath, path))]),
)
export const keys = Object.keys(images)

export type Scene = Awaited<ReturnType<typeof startScene>>

type Ending = {
  readonly row: MigrationRow
  /** What became of each item: `migrated`, or its outcome and code. */
  readonly outcomes: Readonly<Record<string, string>>
  /** What the deliveries led to, in order. */
  readonly answers: readonly string[]
  /** What the migration said it waited for, each once. */
  readonly waiting: readonly string[]
}

export type SceneOptions = {
  /** How long the other side may be silent, in ms. */
  readonly bodyMs?: number
  /** How far the clock of the S3 is ahead, in ms. */
  readonly ahead?: number
  readonly clock?: HandClock
}

/** The strict S3 with two buckets and a proxy before each, and the real jobs under a clock of the test's own. */
export async function startScene(options: SceneOptions = {}) {
  const { ahead = 0, clock = testClock() } = options
  const s3 = await startS3({
    now: () => Date.now() + ahead,
    port: 0,
    buckets: ["old-images", "new-images"],
    sessionToken: "",
  })
  const [source, destination] = await Promise.all([startProxy(s3.url), startProxy(s3.url)])
  onTestFinished(async () => {
    await Promise.all([source.close(), destination.close(), s3.close()])
  })
  const { accessKeyId, secretAccessKey } = s3
  const settings: StoreSettings = {
    credentials: async () => ({ accessKeyId, secretAccessKey }),
    allowLoopback: true,
    allowFile: true,
    timeouts: { bodyMs: options.bodyMs ?? 30_000, headersMs: options.bodyMs ?? 30_000 },
  }
  const { world, queue, deliver, published } = testWorld({ clock, open: (ref) => openStore(ref, settings) })

  /** Deliver, and again where that is the answer, and sweep, until the migration has ended or stopped. */
  async function drive(id: string): Promise<Ending> {
    const answers: string[] = []
    const waiting = new Set<string>()
    for (let turn = 0; turn < 40; turn++) {
      const message = queue.shift()
      if (message) {
        const answer: Answer = await deliver(message).catch(() => ({ outcome: "again" }))
        answers.push(answer.outcome)
        if (answer.outcome !== "done") queue.push(message)
        clock.pass(1000 * (answer.retryAfterSeconds ?? 0))
      }
      const row = await mustGetMigration("u1", id)
      await checkBooks(row)
      if (row.waiting) waiting.add(row.waiting.reason)
      if (!isActive(row.status))
        return { row, answers, waiting: [...waiting], outcomes: await outcomesOf(row) }
      if (message) continue
      clock.pass(60_000)
      await sweep(world)
    }
    throw new Error(`The migration does not end: ${answers}; ${[...waiting]}`)
  }

  return {
    s3,
    source,
    destination,
    clock: { waited: [] as readonly number[], ...clock },
    world,
    queue,
    deliver,
    published,
    settings,
    from: bucketOf(s3, "old-images"),
    to: bucketOf(s3, "new-images"),
    /** Two ends of one server, so far apart that bytes must go through us. */
    sourceRef: { type: "s3", bucket: "old-images", endpoint: source.url },
    destinationRef: { type: "s3", bucket: "new-images", endpoint: destination.url },
    drive,
    injected: () => s3.faults.injected + source.injected + destination.injected,
    begin: (wish: { source?: unknown; destination?: unknown; options?: object } = {}) =>
      begin(world, {
        source: wish.source ?? { type: "s3", bucket: "old-images", endpoint: source.url },
        destination: wish.destination ?? { type: "s3", bucket: "new-images", endpoint: destination.url },
        options: { lanes: 1, concurrency: 2, ...wish.options },
      }),
    async fill(content = images) {
      for (const [key, bytes] of Object.entries(content)) await bucketOf(s3, "old-images").put(key, bytes)
    },
  }
}

export async function outcomesOf(row: MigrationRow): Promise<Readonly<Record<string, string>>> {
  const { entries } = await readReport(row, { limit: 1_000 })
  return Object.fromEntries(
    entries.map(({ destination, outcome, code }) => [destination, code ? `${outcome} ${code}` : outcome]),
  )
}

/** Conservation, whenever one looks: nothing counted twice, nothing lost, and what is counted is stored. */
export async function checkBooks(row: MigrationRow): Promise<void> {
  const lanes = await readLanes(row.id)
  const totals = row.totals ?? totalsOf(lanes)
  const { discovered, migrated, skipped, failed, remaining } = totals
  const { entries } = await readReport(row, { limit: 10_000 })
  const counted = (outcome: string) => entries.filter((entry) => entry.outcome === outcome).length
  const stored = [counted("migrated"), counted("skipped"), counted("failed")]
  const booked = [migrated, skipped, failed]
  const wrong =
    discovered !== migrated + skipped + failed + remaining ||
    booked.some((count, at) => count > (stored[at] ?? 0)) ||
    (row.totals !== undefined && (remaining !== 0 || booked.some((count, at) => count !== stored[at])))
  if (wrong) throw new Error(`The books are wrong: ${JSON.stringify({ totals, stored })}`)
}

/** All arrived, byte by byte. */
export const allMigrated = Object.fromEntries(keys.map((key) => [key, "migrated"]))
