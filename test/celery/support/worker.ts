import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { type Running, run } from "./process.ts"

export const signingKey = "a key that the workers and the service share"
const example = fileURLToPath(new URL("../../../examples/celery", import.meta.url))

export type Worker = {
  /** Resolves with the first line of its log that matches. */
  line(pattern: RegExp): Promise<string>
  /** Its log. */
  lines(): readonly string[]
  /** Ids of the processes that run tasks. */
  children(): Promise<readonly number[]>
  /** SIGKILL to all of it at once, as when a machine is lost; it does not come back. */
  lose(): Promise<void>
  close(): Promise<void>
}

type Settings = {
  readonly broker: string
  readonly baseUrl: string
  readonly concurrency?: number
  /** Celery's own is processes. Threads are ready in a third of the CPU time. */
  readonly pool?: "threads"
  readonly app?: string
  readonly env?: Readonly<Record<string, string>>
}

/**
 * A real Celery worker of Debian's with the task of examples/celery, started again when it ends, as a supervisor does
 * (a 5.2 worker may end where it finds its broker again). Resolves when it consumes.
 */
export async function startWorker(settings: Settings): Promise<Worker> {
  let isOver = false
  let worker = begin(settings)
  const supervise = async (): Promise<void> => {
    await worker.over
    if (isOver) return
    worker = begin(settings)
    return supervise()
  }
  const supervising = supervise()
  await worker.line(/ ready\.$/)
  const children = async () => {
    const text = await readFile(`/proc/${worker.pid}/task/${worker.pid}/children`, "utf8")
    return text.trim().split(" ").filter(Boolean).map(Number)
  }
  const end = async (signal: NodeJS.Signals) => {
    isOver = true
    await worker.end(signal)
    await supervising
  }
  return {
    line: (pattern) => worker.line(pattern),
    lines: () => worker.lines,
    children,
    lose: async () => {
      const all = await children()
      process.kill(worker.pid, "SIGKILL")
      for (const pid of all) process.kill(pid, "SIGKILL")
      await end("SIGKILL")
    },
    close: () => end("SIGTERM"),
  }
}

function begin({
  broker,
  baseUrl,
  concurrency = 2,
  pool,
  app = "imgmigrator_celery.app",
  env,
}: Settings): Running {
  const options = `--without-mingle --without-gossip --without-heartbeat -l INFO -c ${concurrency}${pool ? ` -P ${pool}` : ""}`
  const args = `-m celery -A ${app} worker ${options} -n test-${crypto.randomUUID()}@%h`
  return run("/usr/bin/python3", args.split(" "), {
    cwd: example,
    env: {
      BASE_URL: baseUrl,
      CELERY_BROKER_URL: broker,
      CELERY_SIGNING_KEY: signingKey,
      C_FORCE_ROOT: "1",
      PYTHONDONTWRITEBYTECODE: "1",
      PYTHONUNBUFFERED: "1",
      ...env,
    },
  })
}
