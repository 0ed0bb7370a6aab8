import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { expect, test } from "vitest"
import { startProcess } from "./support/process.ts"
import { startReceiver } from "./support/receiver.ts"
import { startWorld } from "./support/world.ts"

/** Runs the command to its end; for calls that do not start a server. */
async function run(...args: string[]) {
  const done = promisify(execFile)(process.execPath, ["packages/qstash-local/bin/qstash-local.js", ...args])
  return done.then(
    ({ stdout }) => ({ code: 0, text: stdout }),
    ({ code, stderr }: { code: number; stderr: string }) => ({ code, text: stderr }),
  )
}

test("--help tells each option", async () => {
  const { code, text } = await run("--help")
  expect(code).toBe(0)
  for (const option of [
    "--port",
    "--host",
    "--state",
    "--quota",
    "--resolve",
    "--virtual-clock",
    "--bulk-cancel",
    "--quiet",
  ])
    expect(text).toContain(option)
})

test("what cannot be understood ends with 2 and says why", async () => {
  const wrong = [["--port", "x"], ["--quota", "gold"], ["--resolve", "a.test=ftp://x"], ["start"]]
  for (const [args, { code, text }] of await Promise.all(
    wrong.map(async (args) => [args, await run(...args)] as const),
  )) {
    expect(code, args.join(" ")).toBe(2)
    expect(text).toContain("Usage: qstash-local")
  }
})

test("a port that is in use, or an address that is not loopback, ends with 1 and says why", async () => {
  const { qstash } = await startWorld()
  expect(await run("--port", String(qstash.port))).toMatchObject({
    code: 1,
    text: expect.stringContaining("EADDRINUSE"),
  })
  expect(await run("--port", "0", "--host", "0.0.0.0")).toMatchObject({
    code: 1,
    text: expect.stringContaining("loopback"),
  })
})

test("its options take effect: a plan, a host resolved, a clock that is moved, cancelling by count", async () => {
  const receiver = await startReceiver()
  const { child, gone, url, token, client } = await startProcess(
    ...["--quota", "free", "--resolve", `photos.test=${receiver.url}`, "--virtual-clock"],
    ...["--bulk-cancel", "counted"],
  )
  expect(await client.flowControl.getGlobalParallelism()).toMatchObject({ parallelismMax: 10 })
  for (const path of ["a", "b", "c"])
    await client.publish({ url: `https://photos.test/${path}`, delay: "1h" })
  const headers = { authorization: `Bearer ${token}` }
  const cancelled = await fetch(`${url}/v2/messages?count=1`, { method: "DELETE", headers })
  expect(await cancelled.json()).toEqual({ cancelled: 1 })
  await fetch(`${url}/local/clock/advance?by=1h`, { method: "POST", headers })
  expect(receiver.deliveries.map(({ path, headers: { host } }) => [host, path]).sort()).toEqual([
    ["photos.test", "/b"],
    ["photos.test", "/c"],
  ])
  child.kill("SIGTERM")
  expect(await gone).toEqual([0, null])
})
