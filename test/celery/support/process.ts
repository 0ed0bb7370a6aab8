import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"

export type Running = {
  readonly pid: number
  /** All that it wrote, stdout and stderr. */
  readonly lines: readonly string[]
  /** Resolves with the first line, of those past and those to come, that matches. Rejects when the process ends. */
  line(pattern: RegExp): Promise<string>
  /** Resolves when it has ended, however it did. */
  readonly over: Promise<void>
  /** Send a signal, and wait for the end. */
  end(signal?: NodeJS.Signals): Promise<void>
}

type Options = { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string }

/** A process of the test's own, that ends with it, with an environment that holds nothing of ours but what is given. */
export function run(command: string, args: readonly string[], { env = {}, cwd }: Options = {}): Running {
  const child = spawn("/usr/bin/setpriv", ["--pdeathsig", "KILL", command, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8", ...env },
    ...(cwd && { cwd }),
  })
  const lines: string[] = []
  const listeners = new Set<() => void>()
  const heard = () => {
    for (const listener of listeners) listener()
  }
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line)
      heard()
    })
  const closed = once(child, "close").then(heard, heard)
  if (child.pid === undefined) throw new Error(`${command} could not be started`)
  return {
    pid: child.pid,
    lines,
    over: closed,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = lines.find((each) => pattern.test(each))
          if (found === undefined && !isOver(child)) return
          listeners.delete(look)
          if (found !== undefined) return resolve(found)
          reject(new Error(`${command} ended without ${pattern}:\n${lines.slice(-30).join("\n")}`))
        }
        listeners.add(look)
        look()
      }),
    async end(signal = "SIGTERM") {
      if (!isOver(child)) child.kill(signal)
      await closed
    },
  }
}

const isOver = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null
