import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { promisify } from "node:util"
import { startS3 } from "s3-local"
import { expect, onTestFinished, test } from "vitest"
import { send } from "./raw.ts"

const run = promisify(execFile)
const root = new URL("../../", import.meta.url).pathname

test("the package can be imported by its name inside this repository", async () => {
  const s3 = await startS3({ port: 0, buckets: ["abc"] })
  onTestFinished(() => s3.close())
  expect(await send(s3, { path: "/abc" })).toMatchObject({ status: 403 })
})

/** The oldest Node in PATH: the package promises 20. */
async function oldestNode(): Promise<string> {
  const candidates = [
    process.execPath,
    ...(process.env.PATH ?? "").split(":").map((dir) => join(dir, "node")),
  ]
  const found = await Promise.all(
    candidates.map((path) =>
      run(path, ["-p", "process.versions.node"]).then(
        ({ stdout }) => ({ path, major: Number.parseInt(stdout, 10) }),
        () => ({ path, major: Number.POSITIVE_INFINITY }),
      ),
    ),
  )
  return (
    found.filter(({ major }) => major >= 20).sort((a, b) => a.major - b.major)[0]?.path ?? process.execPath
  )
}

test("what is packed starts by its command and by its name, without the sources", async () => {
  const dir = mkdtempSync(join(tmpdir(), "s3-local-pack-"))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const node = await oldestNode()
  await run("npm", ["pack", "--pack-destination", dir], { cwd: join(root, "packages/s3-local") })
  const [tarball = ""] = readdirSync(dir)
  await run("tar", ["-xzf", join(dir, tarball), "-C", dir])
  const installed = join(dir, "package")
  expect(readdirSync(installed).sort()).toEqual(["README.md", "bin", "dist", "index.js", "package.json"])
  symlinkSync(join(root, "node_modules"), join(dir, "node_modules"))

  const child = spawn(node, [join(installed, "bin/s3-local.js"), "--port", "0", "--bucket", "abc"])
  onTestFinished(() => void child.kill("SIGKILL"))
  let port = 0
  for await (const line of createInterface(child.stdout)) {
    port = Number(/:(\d+)$/.exec(line)?.[1] ?? 0)
    if (port > 0) break
  }
  expect(await send({ port }, { path: "/abc/x" })).toMatchObject({ status: 403, code: "AccessDenied" })
  child.kill("SIGTERM")
  expect(await once(child, "exit")).toEqual([0, null])

  const script = join(dir, "use.mjs")
  writeFileSync(
    script,
    `import { startS3 } from "./package/index.js"\nconst s3 = await startS3({ port: 0 })\nconsole.log(s3.region)\nawait s3.close()`,
  )
  expect((await run(node, [script])).stdout).toBe("us-east-1\n")
}, 120_000)

test.for([
  { args: ["--port", "many"], says: "not a port: many" },
  { args: ["--bucket", "A"], says: '"A" is not a bucket name.' },
  { args: ["--nonsense"], says: "Unknown option '--nonsense'" },
])("the command refuses $args and says why", async ({ args, says }) => {
  const main = join(root, "packages/s3-local/src/main.ts")
  const failed = await run(process.execPath, [main, ...args]).then(
    () => undefined,
    (error: { code: number; stderr: string }) => error,
  )
  expect(failed?.code).toBeGreaterThan(0)
  expect(failed?.stderr).toContain(says)
})
