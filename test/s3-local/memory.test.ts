import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { request } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { expect, onTestFinished, test } from "vitest"
import { signed } from "./raw.ts"
import { bucket, bytes, server } from "./support.ts"

const mebibyte = 1024 ** 2
const residentMiB = (pid: number | undefined) =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024

test.skipIf(process.platform !== "linux")(
  "with --dir, memory does not grow with the size of objects",
  async () => {
    const dir = mkdtempSync(join(tmpdir(), "s3-local-"))
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
    const main = new URL("../../packages/s3-local/src/main.ts", import.meta.url).pathname
    const env = { ...process.env, AWS_ACCESS_KEY_ID: "AKIDLOCAL", AWS_SECRET_ACCESS_KEY: "secret" }
    const child = spawn(process.execPath, [main, "--port", "0", "--dir", dir, "--bucket", bucket], { env })
    onTestFinished(() => void child.kill("SIGKILL"))
    let port = 0
    for await (const line of createInterface(child.stdout)) {
      port = Number(/:(\d+)$/.exec(line)?.[1] ?? 0)
      if (port > 0) break
    }
    const s3 = { ...(await server()), url: `http://127.0.0.1:${port}`, port }
    const chunk = bytes(mebibyte)

    const put = async (mebibytes: number) => {
      const ask = await signed(s3, { method: "PUT", path: `/${bucket}/x` })
      const headers = { ...ask.headers, "content-length": mebibytes * mebibyte }
      await new Promise<void>((resolve, reject) => {
        const outgoing = request({ port, method: "PUT", path: ask.path, headers }, (response) => {
          response
            .resume()
            .on("end", () => (response.statusCode === 200 ? resolve() : reject(response.statusCode)))
        })
        outgoing.on("error", reject)
        let left = mebibytes
        const more = () => {
          while (left > 0) if (!outgoing.write(chunk) && left-- > 0) return void outgoing.once("drain", more)
          outgoing.end()
        }
        more()
      })
    }
    const get = async () => {
      const ask = await signed(s3, { path: `/${bucket}/x` })
      return new Promise<number>((resolve, reject) => {
        let size = 0
        const incoming = request({ port, path: ask.path, headers: ask.headers }, (response) => {
          response.on("data", (piece: Buffer) => {
            size += piece.length
          })
          response.on("end", () => resolve(size))
        })
        incoming.on("error", reject)
        incoming.end()
      })
    }

    await put(16)
    await get()
    const before = residentMiB(child.pid)
    await put(128)
    expect(await get()).toBe(128 * mebibyte)
    expect(residentMiB(child.pid) - before).toBeLessThan(60)
  },
)
