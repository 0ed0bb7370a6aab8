import { execFileSync, spawn, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { Agent, request } from "node:http"
import { cpus, loadavg, tmpdir, totalmem } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { AwsV4Signer } from "aws4fetch"

/**
 * What the local S3 costs: requests a second and CPU of the server per request, with wrk (Debian) as client, so that
 * the client costs little; after three seconds to warm up. Presigned, so that wrk needs no signer.
 * Writes RESULTS.md. Run: npm run bench:s3-local -- [seconds]
 */
const seconds = Number(process.argv[2] ?? 5)
const keys = { accessKeyId: "local", secretAccessKey: "local-secret" }
const work = mkdtempSync(join(tmpdir(), "s3-local-bench-"))
const body = "x".repeat(100_000)

type Row = {
  readonly what: string
  readonly perSecond: number
  readonly cpuMs: number
  readonly peakMiB: number
}

const file = (name: string) => new URL(name, import.meta.url).pathname

async function start(args: readonly string[]) {
  const env = {
    ...process.env,
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
  }
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] })
  for await (const line of createInterface(child.stdout)) {
    const url = /listens on (\S+)/.exec(line)?.[1]
    if (url) return { child, url, pid: child.pid ?? 0 }
  }
  throw new Error("The server did not start.")
}

const ours = [file("../../packages/s3-local/src/main.ts"), "--port", "0", "--bucket", "bench"]

async function presign(url: string, method: string, headers: Record<string, string> = {}): Promise<URL> {
  const address = new URL(url)
  address.searchParams.set("X-Amz-Expires", "86400")
  const signer = new AwsV4Signer({
    ...keys,
    url: address.href,
    method,
    headers,
    service: "s3",
    region: "us-east-1",
    signQuery: true,
  })
  return (await signer.sign()).url
}

/** User and system time in ms; Linux counts in 1/100 s. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
  return 10 * (Number(fields[11]) + Number(fields[12]))
}

const peakOf = (pid: number) =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024

function measure(what: string, pid: number, url: URL, lua: string): Row {
  const script = join(work, "wrk.lua")
  writeFileSync(
    script,
    `${lua}\nfunction done(summary) io.write("N=" .. summary.requests .. " E=" .. summary.errors.status .. "\\n") end`,
  )
  execFileSync("wrk", ["-t1", "-c32", "-d3s", "-s", script, url.href])
  const before = cpuOf(pid)
  const began = performance.now()
  const out = execFileSync("wrk", ["-t1", "-c32", `-d${seconds}s`, "-s", script, url.href]).toString()
  const passed = (performance.now() - began) / 1000
  const [, count, errors] = /N=(\d+) E=(\d+)/.exec(out) ?? []
  if (errors !== "0") throw new Error(`${what}: ${errors} answers were errors`)
  const requests = Number(count)
  return { what, perSecond: requests / passed, cpuMs: (cpuOf(pid) - before) / requests, peakMiB: peakOf(pid) }
}

const put = (headers = "") => `wrk.method = "PUT"\nwrk.body = string.rep("x", ${body.length})\n${headers}`

async function bare(): Promise<Row[]> {
  const { child, url, pid } = await start([file("bare.ts")])
  const rows = [
    measure("bare Node: PUT 100 KB, MD5 only", pid, new URL(url), put()),
    measure("bare Node: GET 100 KB", pid, new URL(url), ""),
  ]
  child.kill("SIGTERM")
  await once(child, "exit")
  return rows
}

async function round(where: string, args: readonly string[] = []): Promise<Row[]> {
  const { child, url, pid } = await start([...ours, ...args])
  const object = `${url}/bench/object`
  const sha = "x-amz-checksum-sha256"
  const value = createHash("sha256").update(body).digest("base64")
  const withSha = await presign(object, "PUT", { [sha]: value })
  const rows = [
    measure(`${where}: PUT 100 KB, CRC64NVME by default`, pid, await presign(object, "PUT"), put()),
    measure(`${where}: PUT 100 KB, SHA-256 checked`, pid, withSha, put(`wrk.headers["${sha}"] = "${value}"`)),
    measure(`${where}: GET 100 KB`, pid, await presign(object, "GET"), ""),
  ]
  child.kill("SIGTERM")
  await once(child, "exit")
  return rows
}

const listedKeys = 100_000

/** Listing 100,000 keys in pages of 1,000, and what one page costs wherever it is. */
async function listing(): Promise<Row[]> {
  const { child, url, pid } = await start(ours)
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  let next = 0
  const put = async () => {
    for (let at = next++; at < listedKeys; at = next++) {
      const address = await presign(`${url}/bench/${at % 100}/img_${at}.jpg`, "PUT")
      await new Promise<void>((resolve, reject) => {
        request(address, { method: "PUT", agent }, (response) => response.resume().on("end", resolve))
          .on("error", reject)
          .end("x")
      })
    }
  }
  await Promise.all(Array.from({ length: 16 }, put))
  agent.destroy()
  const rows = [
    measure("page of 1,000 of 100,000, first", pid, await presign(`${url}/bench?list-type=2`, "GET"), ""),
    measure(
      "page of 1,000 of 100,000, in the middle",
      pid,
      await presign(`${url}/bench?list-type=2&start-after=50`, "GET"),
      "",
    ),
    measure(
      "100 folders of 100,000 keys",
      pid,
      await presign(`${url}/bench?list-type=2&delimiter=%2F`, "GET"),
      "",
    ),
  ]
  child.kill("SIGTERM")
  await once(child, "exit")
  return rows
}

const rows = [
  ...(await bare()),
  ...(await round("memory")),
  ...(await round("disk", ["--dir", join(work, "state")])),
  ...(await listing()),
]
rmSync(work, { recursive: true, force: true })
const wrk = /wrk \S+/.exec(spawnSync("wrk", ["-v"]).stdout.toString())?.[0]
const text = `# What the local S3 costs

Made by \`npm run bench:s3-local -- ${seconds}\` on ${new Date().toISOString().slice(0, 10)}: ${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 1024 ** 3)} GiB, Node ${process.version},
${wrk} with 32 connections, load average at the end ${loadavg()[0]?.toFixed(1)} (server and client alone make about 2). The bare Node server takes an MD5 or gives
bytes, and checks nothing: the difference is what checking costs. Most of a PUT is MD5, which S3's ETag asks for. A page costs the same wherever it is in a listing.

| what | requests/s | server CPU ms/request | peak MiB |
| --- | --- | --- | --- |
${rows.map(({ what, perSecond, cpuMs, peakMiB }) => `| ${what} | ${Math.round(perSecond)} | ${cpuMs.toFixed(3)} | ${Math.round(peakMiB)} |`).join("\n")}
`
console.log(text)
writeFileSync(file("RESULTS.md"), text)
