import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { startS3 } from "s3-local"
import { expect, onTestFinished, test } from "vitest"
import { send } from "./raw.ts"

test("the package can be imported by its name inside this repository", async () => {
  const s3 = await startS3({ port: 0, buckets: ["abc"] })
  onTestFinished(() => s3.close())
  expect(await send(s3, { path: "/abc" })).toMatchObject({ status: 403 })
})

test.for([
  { args: ["--port", "many"], says: "not a port: many" },
  { args: ["--bucket", "A"], says: '"A" is not a bucket name.' },
  { args: ["--nonsense"], says: "Unknown option '--nonsense'" },
])("the command refuses $args and says why", async ({ args, says }) => {
  const failed = await promisify(execFile)(process.execPath, ["packages/s3-local/src/main.ts", ...args]).then(
    () => undefined,
    (error: { code: number; stderr: string }) => error,
  )
  expect(failed?.code).toBeGreaterThan(0)
  expect(failed?.stderr).toContain(says)
})
