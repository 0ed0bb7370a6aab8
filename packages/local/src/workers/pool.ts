import { type ChildProcess, fork } from "node:child_process"
import { tmpdir } from "node:os"
import { extname, join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { Call, Invocation } from "../gateway/invoke.ts"
import { FromWorker, type ToWorker } from "./messages.ts"

export type PoolOptions = {
  /** Worker processes at most; each is started when it is first needed. */
  readonly size: number
  readonly env: NodeJS.ProcessEnv
  /** Where a line that a worker writes to its stdout or stderr goes. */
  log(line: string): void
  /** Calls that may wait for a worker; more are refused as busy. */
  readonly maxWaiting?: number
  /** What each process runs: the file beside this one, unless another is given. */
  readonly program?: string
}

export type Pool = {
  /** Run a call in a worker of its own. While `gone` aborts a waiting call, one that runs goes on, as in Lambda. */
  run(call: Call, gone: AbortSignal): Promise<Invocation>
  /** Start a worker ahead of need. */
  warm(): void
  /** Calls running now. */
  running(): number
  /** Refuse waiting calls, tell running ones that the process ends (`shutdown` in functions), give them `graceMs`, end all workers. */
  close(graceMs: number): Promise<void>
}

type Job = { readonly call: Call; readonly resolve: (invocation: Invocation) => void }
type Worker = {
  readonly process: ChildProcess
  job?: Job & { readonly timer: NodeJS.Timeout; late: boolean }
}

/** Worker processes that run one call at a time each. One that dies fails its call and is replaced. */
export function createPool(options: PoolOptions): Pool {
  const workers = new Set<Worker>()
  const waiting: Job[] = []
  let closing = false

  function next(): void {
    while (waiting.length > 0) {
      const worker =
        [...workers].find((each) => !each.job) ?? (workers.size < options.size ? start() : undefined)
      const job = worker && waiting.shift()
      if (!job) return
      const timer = setTimeout(() => tooLate(worker), job.call.timeoutMs)
      worker.job = { ...job, timer, late: false }
      tell(worker, { kind: "call", call: job.call })
    }
  }

  function finish(worker: Worker, invocation: Invocation): void {
    clearTimeout(worker.job?.timer)
    worker.job?.resolve(invocation)
    delete worker.job
  }

  function start(): Worker {
    const worker: Worker = { process: launch(options) }
    workers.add(worker)
    for (const stream of [worker.process.stdout, worker.process.stderr])
      if (stream) createInterface({ input: stream }).on("line", options.log)
    worker.process.on("message", (raw) => {
      const message = FromWorker.parse(raw)
      if (message.requestId !== worker.job?.call.requestId) return
      finish(worker, message.kind === "returned" ? { result: message.result } : { failed: "error" })
      next()
    })
    const gone = () => {
      if (!workers.delete(worker)) return
      finish(worker, { failed: worker.job?.late ? "timed out" : "crashed" })
      next()
    }
    worker.process.on("exit", gone)
    worker.process.on("error", () => worker.process.pid === undefined && gone()) // it could not even be started
    return worker
  }

  const run = (call: Call, gone: AbortSignal) =>
    new Promise<Invocation>((resolve) => {
      if (closing || waiting.length >= (options.maxWaiting ?? 1_000))
        return resolve({ failed: "busy", retryAfterSeconds: 5 })
      const job = { call, resolve }
      waiting.push(job)
      gone.addEventListener(
        "abort",
        () => {
          const at = waiting.indexOf(job)
          if (at < 0) return
          waiting.splice(at, 1)
          resolve({ failed: "error" })
        },
        { once: true },
      )
      next()
    })

  async function close(graceMs: number): Promise<void> {
    closing = true
    for (const job of waiting.splice(0)) job.resolve({ failed: "busy", retryAfterSeconds: 5 })
    for (const worker of workers) dismiss(worker)
    const ended = [...workers].map((worker) => end(worker, graceMs))
    await Promise.all(ended)
  }

  return {
    run,
    close,
    warm: () => void (workers.size < options.size && start()),
    running: () => [...workers].filter((worker) => worker.job).length,
  }
}

/**
 * Images pass through in buffers that V8 and malloc would rather keep: a smaller nursery, old space that is looked through
 * sooner and one arena save a third of a worker's memory and cost next to no time (bench/profile). What a large image frees is
 * needed again at once.
 */
const sparing = { MALLOC_ARENA_MAX: "1", MALLOC_TRIM_THRESHOLD_: String(64 * 1024 ** 2) }
const sparingV8 = ["--max-semi-space-size=4", "--heap-growing-percent=60"]
/** Where Node keeps it by itself. From the first module on it halves a start, and leaves the compiler of types unloaded. */
const compiled = { NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache") }

/** Beside this file, of the same kind: a source, or built. */
const ownProgram = fileURLToPath(new URL(`./worker${extname(import.meta.url)}`, import.meta.url))

function launch({ env, program = ownProgram }: PoolOptions): ChildProcess {
  return fork(program, {
    env: { ...sparing, ...compiled, ...env },
    execArgv: sparingV8,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  })
}

const tell = (worker: Worker, message: ToWorker): void => {
  // Where the channel is closed the worker is ending, and its 'exit' tells what became of the call.
  if (worker.process.connected) worker.process.send(message, () => {})
}

/** Who has work is told that the process ends, and knows whether there is anything to save; who has none goes. */
function dismiss(worker: Worker): void {
  if (worker.job) tell(worker, { kind: "stop" })
  else worker.process.kill("SIGKILL")
}

/** As Lambda: what is not done in time is killed. */
function tooLate(worker: Worker): void {
  if (worker.job) worker.job.late = true
  worker.process.kill("SIGKILL")
}

function end(worker: Worker, graceMs: number): Promise<void> {
  const { process: child } = worker
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), graceMs)
    child.on("message", () => child.connected && child.disconnect()) // its answer: nothing is left to do
    child.on("exit", () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
