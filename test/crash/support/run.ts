import type { ReportEntry } from "@imgmigrator/core/outcome"
import { isActive } from "@imgmigrator/core/status"
import { getMigration } from "../../../packages/functions/src/db/migrations.ts"
import { readReport } from "../../../packages/functions/src/db/reports.ts"
import { retryMigration } from "../../../packages/functions/src/db/retry.ts"
import type { MigrationRow } from "../../../packages/functions/src/db/rows.ts"
import { sweep } from "../../../packages/functions/src/jobs/sweep.ts"
import { wakeMigration } from "../../../packages/functions/src/jobs/wake.ts"
import { begin } from "../../support/harness.ts"
import type { Line, Point } from "./control.ts"
import { askAtDoor } from "./door.ts"
import { bookedKeys, brokenPromises } from "./promises.ts"
import type { Scene } from "./setup.ts"
import type { Stage } from "./stage.ts"

/** What a migration ended as, and what was told on the way. */
export type Run = {
  readonly row: MigrationRow
  readonly report: readonly ReportEntry[]
  readonly lines: readonly Line[]
  /** Did anybody die at the point? */
  readonly isMet: boolean
  readonly broken: readonly string[]
  /** Keys that have not arrived as they are, and keys that were written or booked more than once. */
  readonly lost: readonly string[]
  readonly doubled: readonly string[]
}

let runs = 0
/** Time goes by in steps, for at most two hours: then it counts as never. */
const stepMs = 15_000
const steps = 480

/** Have the scene's migration, killing whoever comes to `point`; `calm` is how it ends without. */
export async function run(stage: Stage, scene: Scene, point?: Point, calm?: Run): Promise<Run> {
  const number = runs++
  const setup = await scene.prepare(stage, number)
  try {
    stage.tell({
      places: setup.places,
      ...(point && { point }),
      ...(scene.leap && { leap: scene.leap }),
    })
    const userId = `ana-${number}`
    let id: string | undefined
    let booked: ReadonlySet<string> = new Set()
    let seen: number | undefined
    stage.onDeath(async () => {
      if (id !== undefined) booked = await bookedKeys(id)
      seen = stage.lines().length
      setup.onDeath?.()
    })
    const asked = scene.isAsked ? await askAtDoor(stage, setup.wish, userId) : undefined
    id = asked?.id ?? (await begin(stage.world, { ...setup.wish, userId })).id
    const sweeping = scene.isAsked ? stage.sweep : async () => void (await sweep(stage.world))
    const ended = () => untilRest(stage, userId, id ?? "", sweeping)
    let row = await ended()
    if (setup.mend && row.status === "completed_with_failures") {
      setup.mend()
      row = (await retryMigration(userId, id, stage.clock.now())).row
      await wakeMigration(row, stage.world)
      row = await ended()
    }
    // What is still on its way comes late, and must find nothing to do.
    await quiet(stage)
    const last = (await getMigration(userId, id)) ?? row
    const lines = stage.lines()
    const { entries } = await readReport(last, { limit: 1_000 })
    const later = seen === undefined ? [] : lines.slice(seen)
    const held = await brokenPromises({ setup, row: last, report: entries, lines, booked, later, calm })
    return {
      row: last,
      report: entries,
      lines,
      isMet: lines.some(({ at }) => at === "killed"),
      ...held,
      broken: [...((await asked?.broken()) ?? []), ...held.broken],
    }
  } finally {
    await setup.close()
  }
}

/** Deliveries, retries and the sweeper, minute by minute, until the migration is at rest. */
async function untilRest(
  stage: Stage,
  userId: string,
  id: string,
  sweeping: () => Promise<void>,
): Promise<MigrationRow> {
  for (let step = 0; step < steps; step++) {
    await stage.qstash.idle()
    const row = await getMigration(userId, id)
    if (row && !isActive(row.status)) return row
    stage.leap(stepMs)
    await stage.qstash.idle()
    if (step % 4 === 3) await sweeping()
  }
  throw new Error(`${id} did not come to an end in two hours.`)
}

async function quiet(stage: Stage) {
  for (let step = 0; step < steps && (stage.qstash.stats().pending ?? 0) > 0; step++) {
    stage.leap(stepMs)
    await stage.qstash.idle()
  }
}
