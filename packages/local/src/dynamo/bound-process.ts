import { spawn } from "node:child_process"

/** A foreign program that ends with us. */
export type BoundProcess = {
  /** What it wrote last, for the message when it fails. */
  said(): string
  /** Resolves when it has ended, however. */
  readonly ended: Promise<void>
  end(): Promise<void>
}

/*
 * `sh` holds one end of a pipe whose other end is ours. The kernel closes ours however we end, SIGKILL included; then
 * sh kills the program. (PR_SET_PDEATHSIG does it without a shell, yet only on Linux.) The watcher is killed first
 * where the program ends by itself: later its process id may be somebody else's.
 */
const script = `
"$0" "$@" 3<&- & program=$!
{ cat <&3; kill -9 $program; } >/dev/null 2>&1 & watcher=$!
wait $program
kill $watcher 2>/dev/null`

/** Start `program`; in a session of its own, so that Ctrl-C ends it when we say so and not before its clients. */
export function startBound(program: string, args: readonly string[]): BoundProcess {
  const stdio = ["ignore", "pipe", "pipe", "pipe"] as const
  const shell = spawn("sh", ["-c", script, program, ...args], { stdio: [...stdio], detached: true })
  let said = ""
  for (const stream of [shell.stdout, shell.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-2_000)
    })
  const ended = new Promise<void>((resolve) => {
    shell.once("error", () => resolve())
    shell.once("exit", () => resolve())
  })
  const pipe = shell.stdio[3]
  ended.then(() => pipe?.destroy())
  return {
    said: () => said.trim(),
    ended,
    end() {
      pipe?.destroy()
      return ended
    },
  }
}
