import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import * as z from "zod"
import { runtimeFile } from "./runtime-file.ts"

export type LambdaOptions = {
  /** The folder that was uploaded. */
  readonly bundle: string
  readonly handler: string
  readonly functionName: string
  readonly memorySize: number
  /** Seconds. */
  readonly timeout: number
  readonly environment: Readonly<Record<string, string>>
}

/** Milliseconds since the process was started, and how many of them of processor time it took. */
export type Spent = { readonly wall: number; readonly cpu: number }

export type RunningLambda = {
  /** One invocation after another, as one environment of Lambda has them. Rejects with what the function threw. */
  invoke(event: unknown): Promise<unknown>
  /** When it first asked for an event; rejects where it never does. */
  readonly ready: Promise<Spent>
  /** When it had answered the first one. */
  readonly answered: Promise<Spent>
  /** What it has written, a line each, JSON where it is. */
  lines(): readonly unknown[]
  close(): Promise<void>
}

const Failure = z.object({ errorType: z.string(), errorMessage: z.string() })

type Invocation = {
  readonly id: string
  readonly event: unknown
  readonly done: (answer: unknown) => void
  readonly failed: (error: Error) => void
}

/**
 * A function as Lambda runs it: a process of Node with nothing but the bundle and the environment, fed through the
 * runtime API. Our own stand-in for AWS's runtime; the bundle cannot tell.
 */
export async function startLambda(options: LambdaOptions): Promise<RunningLambda> {
  const waiting: Invocation[] = []
  const running = new Map<string, Invocation>()
  let idle: ServerResponse | undefined
  let broken: Error | undefined
  let count = 0
  let startedAt = 0
  const ready = Promise.withResolvers<Spent>()
  const answered = Promise.withResolvers<Spent>()
  for (const { promise } of [ready, answered]) promise.catch(() => undefined)
  const spent = (req: IncomingMessage): Spent => ({
    wall: performance.now() - startedAt,
    cpu: Number(req.headers["cpu-microseconds"]) / 1000,
  })

  const arn = `arn:aws:lambda:us-east-1:123456789012:function:${options.functionName}`
  const give = () => {
    const next = idle && waiting.shift()
    if (!next) return
    running.set(next.id, next)
    idle?.writeHead(200, {
      "content-type": "application/json",
      "lambda-runtime-aws-request-id": next.id,
      "lambda-runtime-deadline-ms": String(Date.now() + options.timeout * 1000),
      "lambda-runtime-invoked-function-arn": arn,
    })
    idle?.end(JSON.stringify(next.event))
    idle = undefined
  }
  const stop = (error: Error) => {
    broken ??= error
    for (const each of [...waiting.splice(0), ...running.values()]) each.failed(error)
    running.clear()
    for (const { reject } of [ready, answered]) reject(error)
  }

  const server = createServer(async (req, res) => {
    const [, , , id = "", what] = (req.url ?? "").slice(1).split("/")
    if (id === "next") {
      idle = res
      ready.resolve(spent(req))
      return give()
    }
    answered.resolve(spent(req))
    const body: unknown = JSON.parse(await text(req))
    res.writeHead(202).end()
    const invocation = running.get(id)
    running.delete(id)
    if (what === "response") return invocation?.done(body)
    const { errorType, errorMessage } = Failure.parse(body)
    const error = new Error(`${errorType}: ${errorMessage}`)
    return invocation ? invocation.failed(error) : stop(error)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")

  const runtime = await runtimeFile()
  startedAt = performance.now()
  const child = spawn(process.execPath, [runtime], {
    cwd: options.bundle,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${address.port}`,
      AWS_LAMBDA_FUNCTION_NAME: options.functionName,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(options.memorySize),
      AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
      AWS_REGION: "us-east-1",
      LAMBDA_TASK_ROOT: join(options.bundle),
      _HANDLER: options.handler,
      TZ: ":UTC",
      ...options.environment,
    },
  })
  const written: string[] = []
  child.stdout.setEncoding("utf8").on("data", (part: string) => written.push(part))
  child.stderr.setEncoding("utf8").on("data", (part: string) => written.push(part))
  child.once("exit", (code) =>
    stop(new Error(`the function's process ended with ${code}: ${written.join("")}`)),
  )

  return {
    ready: ready.promise,
    answered: answered.promise,
    invoke: (event) => {
      if (broken) return Promise.reject(broken)
      const { promise, resolve, reject } = Promise.withResolvers<unknown>()
      waiting.push({ id: `request-${++count}`, event, done: resolve, failed: reject })
      give()
      return promise
    },
    lines: () => written.join("").split("\n").filter(Boolean).map(parsed),
    close: async () => {
      if (child.exitCode === null) {
        child.kill("SIGKILL")
        await once(child, "exit")
      }
      server.closeAllConnections()
      server.close()
    },
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return line
  }
}
