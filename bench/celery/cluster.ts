import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { createClient } from "@redis/client"
import { freePort } from "../../test/support/dynamodb.ts"
import { cpuOf, peakOf, type Run, timed } from "../measure.ts"

const python = "/usr/bin/python3"

export type Cluster = {
  /** Copy a bucket to another by tasks of `batch` images each; from the first line of the producer to the last image. */
  copy(
    source: string,
    destination: string,
    count: number,
    batch: number,
    servers: readonly number[],
  ): Promise<Run>
  /** What stands there with nothing to do: processes, and their memory in MB. */
  idle(): { readonly processes: number; readonly memory: number }
  close(): Promise<void>
}

/** Debian's Celery over Debian's Redis, with as many worker processes as transfers. */
export async function startCluster(endpoint: string, transfers: number): Promise<Cluster> {
  const port = await freePort()
  const broker = `redis://127.0.0.1:${port}/0`
  const server = spawn("redis-server", ["--port", String(port), "--save", "", "--appendonly", "no"], {
    stdio: "ignore",
  })
  const env = {
    ...process.env,
    BROKER: broker,
    ENDPOINT: endpoint,
    C_FORCE_ROOT: "1",
    AWS_CA_BUNDLE: undefined,
  }
  const redis = createClient({ url: broker })
  redis.on("error", () => {})
  await redis.connect()
  const worker = spawn(
    python,
    ["-m", "celery", "-A", "tasks", "worker", "-c", String(transfers), "--loglevel", "info"],
    { cwd: import.meta.dirname, env, stdio: ["ignore", "ignore", "pipe"] },
  )
  await ready(worker)
  const pids = [server.pid ?? 0, worker.pid ?? 0]
  return {
    copy: async (source, destination, count, batch, servers) => {
      await redis.set("bench:done", "0")
      const before = { ours: cpuOf(pids), servers: cpuOf(servers) }
      const start = performance.now()
      const producer = timed(
        ["env", `--chdir=${import.meta.dirname}`, python, "produce.py", source, destination, String(batch)],
        [],
        env,
      )
      while (Number(await redis.get("bench:done")) < count) {
        if (worker.exitCode !== null) throw new Error("The Celery worker ended.")
        await sleep(50)
      }
      const seconds = (performance.now() - start) / 1000
      const { cpu } = await producer
      return {
        seconds,
        cpu: cpuOf(pids) - before.ours + cpu,
        serverCpu: cpuOf(servers) - before.servers,
        memory: peakOf(pids).sum,
      }
    },
    idle: () => ({ processes: transfers + 2, memory: peakOf(pids).sum }),
    close: async () => {
      redis.destroy()
      for (const child of [worker, server]) {
        child.kill("SIGTERM")
        await once(child, "exit")
      }
    },
  }
}

async function ready(worker: ChildProcess) {
  if (!worker.stderr) throw new Error("no output")
  for await (const line of createInterface(worker.stderr)) if (line.includes("ready.")) break
  if (worker.exitCode !== null)
    throw new Error("Celery does not start: apt-get install python3-celery python3-redis python3-boto3")
  worker.stderr.resume()
}
