import type { Options } from "@imgmigrator/core/migration"
import { settleDown } from "../model/finish.ts"
import { newScene, type Scene, type Setting } from "../model/scene.ts"
import { deliver, type Fate, sweepOnce, type Worker } from "../model/sim/deliver.ts"
import { newTally } from "../model/sim/tally.ts"
import { create } from "../model/user.ts"

process.env.TABLE_NAME = "traps"
process.env.POWERTOOLS_LOG_LEVEL = "SILENT"

export type Stage = Scene & {
  /** Take the next message to a worker; `foresees` says what befalls it at which call. */
  work(fate?: Partial<Fate> & { foresees?: Worker["running"]["proc"]["foresees"] }): Worker
  pass(ms: number): Promise<void>
  /** Let time pass until it is so; at most ten minutes. */
  until(isSo: () => boolean): Promise<void>
  sweep(): void
  /** Everything delivered, swept, and at rest. */
  rest(): Promise<void>
  row(): NonNullable<ReturnType<Scene["ledger"]["get"]>>["row"]
  lane(k: number): NonNullable<ReturnType<NonNullable<ReturnType<Scene["ledger"]["get"]>>["lanes"]["get"]>>
}

/** One migration of the simulation (test/model), to be led by hand; every rule of the model watches. */
export async function stage(
  keys: readonly string[],
  options: Partial<Options> = {},
  setting: Partial<Setting> = {},
): Promise<Stage> {
  const wish = { source: 0, destination: 0, options: { lanes: 1, concurrency: 2, ...options } }
  const base = {
    seed: 1,
    wish,
    sources: [keys, []],
    existing: [],
    hasMd5: true,
    isOrdered: true,
    copies: false,
  }
  const scene = newScene({ ...base, ...setting }, newTally())
  const { sim, ledger } = scene
  create(scene, wish)
  await sim.time.pass(1_000)
  const known = () => {
    const found = ledger.get("mig_0")
    if (!found) throw new Error("There is no migration.")
    return found
  }
  return {
    ...scene,
    work: ({ foresees, ...fate } = {}) => {
      const letter = sim.queue.waiting.shift()
      if (!letter) throw new Error("No message waits.")
      const worker = deliver(sim, letter, { span: 120_000, ...fate })
      if (foresees) worker.running.proc.foresees = foresees
      return worker
    },
    pass: (ms) => sim.time.pass(ms),
    until: async (isSo) => {
      await sim.time.pass(600_000, isSo)
      if (!isSo()) throw new Error(`It did not come to that.\n${sim.story.join("\n")}`)
    },
    sweep: () => void sweepOnce(sim),
    rest: () => settleDown(scene),
    row: () => known().row,
    lane: (k) => {
      const lane = known().lanes.get(k)
      if (!lane) throw new Error(`There is no lane ${k}.`)
      return lane
    },
  }
}

/** Something that befalls a process once, at the nth call that matches. */
export const once = <T>(pattern: RegExp, befall: T, nth = 1) => {
  let met = 0
  return (what: string): T | undefined => (pattern.test(what) && ++met === nth ? befall : undefined)
}
