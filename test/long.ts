import { spawn } from "node:child_process"
import { once } from "node:events"

/*
 * `npm run test:long`: what a normal run only samples, whole. 100,000 sequences of the model, every single point of every
 * scene at which a worker can be killed, 100,000 requests against the API, a file of 5 GB, a million images. Takes half an
 * hour on two cores. An environment variable of the same name changes a number.
 */
const amounts = { MODEL_RUNS: "100000", CRASH_POINTS: "all", FUZZ_CASES: "100000", IMGMIGRATOR_LONG: "1" }
const files = ["test/model", "test/crash", "test/traps", "test/big", "test/api/fuzz.test.ts"]

const run = spawn("vitest", ["run", ...files, ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { ...amounts, ...process.env },
  shell: process.platform === "win32",
})
const [code] = await once(run, "exit")
process.exitCode = code ?? 1
