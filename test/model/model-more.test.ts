import "./sim/environment.ts"
import { test } from "vitest"
import { runShare } from "./run.ts"

// A file of its own, so that the sequences are shared by two workers.
test(
  "whatever else happens, in whatever order, the books are right and all comes to its end",
  ({ task }) => runShare(1, task),
  3_600_000,
)
