import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Migration, Progress } from "@imgmigrator/core/migration"
import { setup as buildCommand } from "../../test/support/built-setup.ts"
import { cpuOf, forgetPeaks, peakOf, type Run } from "../measure.ts"

const command = fileURLToPath(new URL("../../packages/cli/bin/imgmigrator.js", import.meta.url))
const environment = {
  ...process.env,
  AWS_ACCESS_KEY_ID: "bench",
  AWS_SECRET_ACCESS_KEY: "bench-secret",
  AWS_REGION: "us-east-1",
}

export type Cost = { readonly messages: number; readonly write_units: number; readonly read_units: number }
export type Moved = Run & { readonly totals: Readonly<Record<string, number>>; readonly cost: Cost }

export type Service = {
  /**
   * One migration through API, ledger, signed deliveries and workers. Seconds from its creation to its completion; CPU of
   * all our processes, the table's and the queue's included.
   */
  migrate(wish: Wish, servers: readonly number[]): Promise<Moved>
  close(): Promise<void>
}

export type Wish = {
  readonly source: string
  readonly destination: string
  readonly options?: { readonly lanes?: number; readonly concurrency?: number; readonly dry_run?: boolean }
}

/** The local service, started once as a service is, with one worker process a core. */
export async function startService(state: string, port: number): Promise<Service> {
  buildCommand()
  const child = spawn(process.execPath, [command, "serve", "--port", String(port), "--state", state], {
    env: environment,
    // By the channel it ends with this process, however that ends: else a later run would find it at its port.
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  })
  const pid = child.pid ?? 0
  const api = `http://127.0.0.1:${port}/api/v1`
  while (!(await isUp(`${api}/health`))) {
    if (child.exitCode !== null) throw new Error(`serve ended with ${child.exitCode}`)
    await sleep(50)
  }
  const ask = asker(api, await newKey(state))
  return {
    migrate: async (wish, servers) => {
      forgetPeaks([pid])
      const [ours, theirs] = [cpuOf([pid]), cpuOf(servers)]
      const { id } = Migration.parse(await ask("POST", "/migrations", wish))
      const done = await completion(ask, id)
      const { cost } = Progress.parse(await ask("GET", `/migrations/${id}/progress`))
      return {
        seconds: (Date.parse(done.completed_at ?? "") - Date.parse(done.created_at)) / 1000,
        cpu: cpuOf([pid]) - ours,
        serverCpu: cpuOf(servers) - theirs,
        memory: peakOf([pid]).largest,
        totals: done.totals,
        cost,
      }
    },
    close: async () => {
      child.kill("SIGTERM")
      await once(child, "exit")
    },
  }
}

const isUp = (url: string) =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  )

async function newKey(state: string): Promise<string> {
  const args = [command, "keys", "create", "--user", "bench", "--state", state]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: environment })
  const [key] = /img_[\w-]+/.exec(stdout) ?? []
  if (!key) throw new Error(`keys create printed no key: ${stdout}`)
  return key
}

type Ask = (method: string, path: string, body?: unknown) => Promise<unknown>

const asker =
  (api: string, key: string): Ask =>
  async (method, path, body) => {
    const answer = await fetch(api + path, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }

/** Looked at twice a second, so that looking costs the two cores next to nothing. */
async function completion(ask: Ask, id: string): Promise<Migration> {
  for (;;) {
    const migration = Migration.parse(await ask("GET", `/migrations/${id}`))
    if (migration.status === "completed") return migration
    if (!["pending", "running"].includes(migration.status))
      throw new Error(`The migration ended ${migration.status}: ${JSON.stringify(migration)}`)
    await sleep(500)
  }
}
