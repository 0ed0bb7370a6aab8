import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { cpuOf, peakOf, type Run } from "../measure.ts"

const main = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url))
const environment = {
  ...process.env,
  AWS_ACCESS_KEY_ID: "bench",
  AWS_SECRET_ACCESS_KEY: "bench-secret",
  AWS_REGION: "us-east-1",
}

export type Service = {
  /** One migration through API, ledger, signed deliveries and workers. CPU of all our processes, the table's and the queue's included. */
  migrate(
    source: string,
    destination: string,
    options: readonly string[],
    servers: readonly number[],
  ): Promise<Moved>
  close(): Promise<void>
}

export type Moved = Run & {
  readonly totals: Readonly<Record<string, number>>
  readonly cost: { readonly messages: number; readonly write_units: number; readonly read_units: number }
}

/** The local service, started once as a service is, with one worker process a core. */
export async function startService(state: string, port: number): Promise<Service> {
  const child = spawn(process.execPath, [main, "serve", "--port", String(port), "--state", state], {
    env: environment,
    stdio: ["ignore", "ignore", "ignore"],
  })
  const pid = child.pid ?? 0
  for (;;) {
    if (child.exitCode !== null) throw new Error(`serve ended with ${child.exitCode}`)
    if (
      await fetch(`http://127.0.0.1:${port}/api/v1/health`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      break
  }
  return {
    migrate: async (source, destination, options, servers) => {
      const [ours, theirs] = [cpuOf([pid]), cpuOf(servers)]
      const args = [main, "migrate", source, destination, "--state", state, "--json", ...options]
      const { stdout } = await promisify(execFile)(process.execPath, args, {
        env: environment,
        maxBuffer: 1e8,
      })
      const answer = JSON.parse(stdout)
      if (answer.status !== "completed") throw new Error(`The migration ended ${answer.status}: ${stdout}`)
      return {
        seconds: (Date.parse(answer.completed_at) - Date.parse(answer.created_at)) / 1000,
        cpu: cpuOf([pid]) - ours,
        serverCpu: cpuOf(servers) - theirs,
        memory: peakOf([pid]).largest,
        totals: answer.totals,
        cost: answer.cost,
      }
    },
    close: async () => {
      child.kill("SIGTERM")
      await once(child, "exit")
    },
  }
}
