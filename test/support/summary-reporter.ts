import type { Reporter, TestModule } from "vitest/node"
import { figureNames, figuresOf } from "./figures.ts"

/** Ends a run with what its tests did, and the one line that CI reads: `N passed, N failed, N skipped`. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]) {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const states = tests.map((test) => test.result().state)
    const count = (state: string) => states.filter((each) => each === state).length
    const broken = modules.filter((module) => module.errors().length > 0).length + errors.length
    const figures = tests.map((test) => figuresOf(test.meta()))
    const sum = (name: (typeof figureNames)[number]) =>
      figures.reduce((total, each) => total + (each[name] ?? 0), 0)
    process.on("exit", () => {
      if (figures.some((each) => Object.keys(each).length > 0))
        console.log(figureNames.map((name) => `${name}: ${sum(name)}`).join(" · "))
      console.log(
        `${count("passed")} passed, ${count("failed") + broken} failed, ${count("skipped")} skipped`,
      )
    })
  }
}
