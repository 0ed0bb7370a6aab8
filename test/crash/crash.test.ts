import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { tell } from "../support/figures.ts"
import { pointName } from "./support/control.ts"
import { allPoints, momentsOf, oneOfEachKind } from "./support/points.ts"
import { run } from "./support/run.ts"
import { scenes } from "./support/scenes.ts"
import { type Stage, startStage } from "./support/stage.ts"

/**
 * `all`: every single point of every scene. `kinds`: of every scene, every kind of point at one of its occurrences. Else
 * the same, without the long scenes.
 */
const { CRASH_POINTS } = process.env
const isAll = CRASH_POINTS === "all"
vi.setConfig({ testTimeout: isAll ? 7_200_000 : 1_200_000, hookTimeout: 240_000 })

/** So often a point is tried where it is chance whether anybody comes there. */
const tries = 5

let stage: Stage
const covered = new Set<string>()
beforeAll(async () => {
  stage = await startStage()
})
afterAll(() => stage.close())

test.for(scenes.filter(({ isLong }) => CRASH_POINTS || !isLong))(
  "whoever is killed, and wherever, nothing is lost and nothing doubled: $name",
  async (scene, { task }) => {
    const calm = await run(stage, scene)
    expect(calm.broken).toEqual([])
    const { kills = /./, daily = kills } = scene
    const moments = momentsOf(calm.lines, isAll ? kills : daily)
    const chosen = isAll ? allPoints(moments) : oneOfEachKind(moments, covered)
    const broken: string[] = []
    for (const moment of chosen) {
      const point = moment.at(-1)
      if (!point) continue
      const crash = async () => {
        const crashed = await run(stage, scene, point, calm)
        broken.push(...crashed.broken.map((each) => `${pointName(point)}: ${each}`))
        return crashed
      }
      let crashed = await crash()
      for (let again = 1; !crashed.isMet && scene.isChance && again < tries; again++) crashed = await crash()
      if (!crashed.isMet) broken.push(`${pointName(point)}: nobody came there`)
      tell(task, {
        "crash points covered": moment.length,
        "faults injected": Number(crashed.isMet),
        "items moved": crashed.row.totals?.migrated ?? 0,
        lost: crashed.lost.length,
        doubled: crashed.doubled.length,
      })
    }
    console.log(
      `crash: ${chosen.length} kills at ${chosen.flat().length} of ${moments.flat().length} points, ${scene.name}`,
    )
    expect(broken).toEqual([])
  },
)
