import "./sim/environment.ts"
import { test } from "vitest"
import { runShare } from "./run.ts"

test(
  "whatever happens, in whatever order, the books are right and all comes to its end",
  ({ task }) => runShare(0, task),
  3_600_000,
)
