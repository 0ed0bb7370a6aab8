import fc from "fast-check"
import { expect } from "vitest"
import { tell } from "../support/figures.ts"
import { missed } from "./minimums.ts"
import { property } from "./property.ts"
import { newTally } from "./sim/tally.ts"

/** Sequences of a normal run, over all files of this folder. */
const usual = 2_000
const files = 2
/** A gate that is red because of a change, never by chance: what it runs are always the same sequences. */
const usualSeed = 20_261_125

/**
 * Run this file's share of the sequences. `MODEL_RUNS` says how many there are in all, which are new ones each time;
 * `MODEL_SEED` where to begin. With the `MODEL_SEED` and `MODEL_PATH` that a failure prints, that sequence is run again,
 * and shrunk, by model.test.ts.
 */
export async function runShare(share: number, task: Parameters<typeof tell>[0]) {
  const { MODEL_SEED, MODEL_RUNS } = process.env
  const begin = Number(MODEL_SEED ?? (MODEL_RUNS === undefined ? usualSeed : Date.now() % 2 ** 31))
  // Far apart: shares that began within a millisecond ran the same sequences.
  const seed = begin + share * 1_000_003
  const numRuns = Math.ceil(Number(MODEL_RUNS ?? usual) / files)
  // Behind the first colon is how it was shrunk, which sequences of commands do not replay.
  const path = process.env.MODEL_PATH?.split(":")[0]
  const tally = newTally()
  const began = performance.now()
  try {
    await fc.assert(property(tally), { seed, numRuns, ...(path && { path }) })
  } catch (error) {
    // At once: a long run tells of its failures at its end only, if it comes to it.
    console.error(error)
    throw error
  }
  const seconds = Math.round((performance.now() - began) / 1000)
  const items = ["migrated", "skipped", "failed"].map((outcome) => tally.accepted(`items: ${outcome}`))
  const moved = items.reduce((a, b) => a + b)
  const faults = tally.sum(/^(table|store|publish|crash|stall|lose|jump|restart|shutdown)/)
  console.log(
    `model: seed ${seed}, ${numRuns} sequences in ${seconds} s, ${faults} faults injected, ` +
      `${tally.accepted("quiet point")} quiet points, ${moved} items moved, 0 lost, 0 doubled`,
  )
  // One that is lost or doubled breaks a rule, and the sequence fails.
  tell(task, { "sequences run": numRuns, "faults injected": faults, "items moved": moved })
  if (process.env.MODEL_TABLE) console.log(tally.table())
  if (path === undefined) expect(missed(tally, numRuns)).toEqual([])
}
