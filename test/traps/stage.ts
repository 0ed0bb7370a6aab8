import type { Options } from "@imgmigrator/core/migration"
import type { Command } from "@imgmigrator/core/status"
import { settleDown } from "../model/finish.ts"
import { newScene, type Scene, type Setting } from "../model/scene.ts"
import { deliver, type Fate, sweepOnce, type Worker } from "../model/sim/deliver.ts"
import type { Foreseen } from "../model/sim/process.ts"
import type { Letter } from "../model/sim/queue.ts"
import { newTally } from "../model/sim/tally.ts"
import { command, create } from "../model/user.ts"

export type Befalls = Partial<Fate> & { foresees?: (what: string) => Foreseen | undefined }

export type Stage = Scene & {
  /** Take the next message to a worker; `foresees` says what befalls it at which call. */
  work(fate?: Befalls): Worker
  /** Take the last message to one more worker. */
  again(fate?: Befalls): Worker
  pass(ms: number): Promise<void>
  /** Let time pass until it is so; at most ten minutes. */
  until(isSo: () => boolean): Promise<void>
  sweep(): void
  command(name: Command): void
  /** Deliver whatever the queue has, without a sweeper, until it is so; at most ten minutes. */
  flow(isSo: () => boolean): Promise<void>
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
  const bring = (letter: Letter | undefined, { foresees, ...fate }: Befalls) => {
    if (!letter) throw new Error("There is no message.")
    const worker = deliver(sim, letter, { span: 120_000, ...fate })
    if (foresees) worker.running.proc.foresees = foresees
    return worker
  }
  return {
    ...scene,
    work: (fate = {}) => bring(sim.queue.waiting.shift(), fate),
    again: (fate = {}) => bring(sim.queue.past.at(-1), fate),
    pass: (ms) => sim.time.pass(ms),
    until: async (isSo) => {
      await sim.time.pass(600_000, isSo)
      if (!isSo()) throw new Error(`It did not come to that.\n${sim.story.join("\n")}`)
    },
    flow: async (isSo) => {
      const due = () => sim.queue.waiting.filter(({ from }) => from <= sim.time.now())
      for (const end = sim.time.now() + 600_000; !isSo() && sim.time.now() < end; ) {
        for (const letter of due()) {
          sim.queue.waiting.splice(sim.queue.waiting.indexOf(letter), 1)
          deliver(sim, letter, { span: 120_000 })
        }
        await sim.time.pass(1_000, () => isSo() || due().length > 0)
      }
      if (!isSo()) throw new Error(`It did not come to that.\n${sim.story.join("\n")}`)
    },
    sweep: () => void sweepOnce(sim),
    command: (name) => void command(scene, name, "mig_0"),
    rest: () => settleDown(scene),
    row: () => known().row,
    lane: (k) => {
      const lane = known().lanes.get(k)
      if (!lane) throw new Error(`There is no lane ${k}.`)
      return lane
    },
  }
}

/** `small-0.jpg` and so on; `bulky` ones fill a chunk each. */
export const images = (kind: "small" | "bulky", count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${kind}-${String(i).padStart(2, "0")}.jpg`)

/** Something that befalls a process once, at the nth call that matches. */
export const once = <T>(pattern: RegExp, befall: T, nth = 1) => {
  let met = 0
  return (what: string): T | undefined => (pattern.test(what) && ++met === nth ? befall : undefined)
}
