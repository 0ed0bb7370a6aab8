import type { RunnerTestCase } from "vitest"

/** What a run of the tests is summed up in. */
export const figureNames = [
  "crash points covered",
  "sequences run",
  "faults injected",
  "items moved",
  "lost",
  "doubled",
] as const
export type Figures = Readonly<Partial<Record<(typeof figureNames)[number], number>>>

/** Say what a test did, for the last lines of the run. A test that says more adds to it. */
export function tell({ meta }: Pick<RunnerTestCase, "meta">, figures: Figures) {
  const told = figuresOf(meta)
  const sums = figureNames.map((name) => [name, (told[name] ?? 0) + (figures[name] ?? 0)] as const)
  Object.assign(meta, { figures: Object.fromEntries(sums) })
}

export function figuresOf(meta: object): Figures {
  return "figures" in meta && typeof meta.figures === "object" && meta.figures !== null ? meta.figures : {}
}
