import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { Migration, Progress } from "@imgmigrator/core/migration"
import { ReportEntry } from "@imgmigrator/core/outcome"
import { claimState, startService } from "@imgmigrator/local"
import * as z from "zod"
import { plant, scan } from "./secrets.ts"

export type TestService = {
  readonly folder: string
  request(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly body: unknown }>
  /** Create a migration and wait until it has ended or stopped. */
  migrate(wish: Readonly<Record<string, unknown>>): Promise<Migration>
  progress(id: string): Promise<Progress>
  report(id: string, query?: string): Promise<readonly ReportEntry[]>
  close(): Promise<void>
}

/** As users have it, built: it starts with two thirds of the CPU that the sources take. */
const workerProgram = fileURLToPath(new URL("../../packages/cli/dist/worker.js", import.meta.url))

async function startBehind(dispatcher: string, folder: string): Promise<Started> {
  if (dispatcher !== "qstash") {
    const { startCeleryService } = await import("../celery/support/whole.ts")
    return startCeleryService(dispatcher, log)
  }
  const stateDir = join(folder, "state")
  const claim = await claimState(stateDir)
  if (!("lock" in claim)) throw new Error("the state folder is taken")
  return startService({ stateDir, lock: claim.lock, workerProgram, command: "test", log })
}

const Report = z.object({ entries: z.array(ReportEntry), cursor: z.string().optional() })

/** Without a pause the asking alone would take a core. */
const askEveryMs = 25

export type Started = { readonly url: string; readonly apiKey: string; close(): Promise<void> }
const log = (line: string) => {
  scan("the service's log", line)
  if (process.env.DEBUG_SERVICE) console.error(line)
}

/**
 * The whole service for one test file: real HTTP, table, queue and worker processes, in a folder of its own. It is the
 * local one, with QStash; with TEST_DISPATCHER `redis` or `rabbitmq` the one for servers, with Celery and that broker.
 */
export async function startTestService(): Promise<TestService> {
  const folder = await mkdtemp(join(tmpdir(), "imgmigrator-"))
  const service = await startBehind(process.env.TEST_DISPATCHER ?? "qstash", folder)
  plant(service.apiKey)
  const request: TestService["request"] = async (method, path, body) => {
    const response = await fetch(`${service.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${service.apiKey}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) }
  }
  const ended = async (id: string): Promise<Migration> => {
    for (;;) {
      const migration = Migration.parse((await request("GET", `/migrations/${id}`)).body)
      if (!["pending", "running"].includes(migration.status)) return migration
      await sleep(askEveryMs)
    }
  }
  return {
    folder,
    request,
    migrate: async (wish) => {
      const { status, body } = await request("POST", "/migrations", wish)
      if (status !== 201) throw new Error(`${status}: ${JSON.stringify(body)}`)
      return ended(Migration.parse(body).id)
    },
    progress: async (id) => Progress.parse((await request("GET", `/migrations/${id}/progress`)).body),
    report: async (id, query = "") => {
      const entries: ReportEntry[] = []
      for (let cursor: string | undefined = ""; cursor !== undefined; ) {
        const at: string = cursor && `&cursor=${encodeURIComponent(cursor)}`
        const page = Report.parse(
          (await request("GET", `/migrations/${id}/report?limit=100${query}${at}`)).body,
        )
        entries.push(...page.entries)
        cursor = page.cursor
      }
      return entries
    },
    close: async () => {
      await service.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
