import "./sim/environment.ts"
import fc from "fast-check"
import { expect, test } from "vitest"
import { property } from "./property.ts"
import { newTally } from "./sim/tally.ts"

process.env.TABLE_NAME = "model"
process.env.POWERTOOLS_LOG_LEVEL = "SILENT"

test("whatever happens, in whatever order, the books are right and all comes to its end", async () => {
  const seed = Number(process.env.MODEL_SEED ?? Date.now() % 2 ** 31)
  const numRuns = Number(process.env.MODEL_RUNS ?? 300)
  const tally = newTally()
  const began = performance.now()
  await fc.assert(property(tally), {
    seed,
    numRuns,
    ...(process.env.MODEL_PATH && { path: process.env.MODEL_PATH }),
  })
  console.log(
    `seed ${seed}, ${numRuns} sequences in ${Math.round(performance.now() - began)} ms\n${tally.table()}`,
  )
  expect(tally.accepted("deliver")).toBeGreaterThan(0)
}, 600_000)
