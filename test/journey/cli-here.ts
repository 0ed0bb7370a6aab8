import type { Ended } from "./cli-run.ts"

const said = { stdout: "", stderr: "" }
const keep =
  (name: keyof typeof said): typeof process.stdout.write =>
  (text: string | Uint8Array, done?: unknown) => {
    said[name] += text
    if (typeof done === "function") done()
    return true
  }

// The command line holds on to the streams that it finds when it is loaded.
const { stdout, stderr } = process
const real = { stdout: stdout.write, stderr: stderr.write }
stdout.write = keep("stdout")
stderr.write = keep("stderr")
const { commandLine } = await import("../../packages/cli/src/command-line.ts").finally(() => {
  stdout.write = real.stdout
  stderr.write = real.stderr
})

/**
 * The same command line without a process of its own, whose start costs more than all that a command asks of a running service: for
 * what a command says, where `run` has shown that its process works. One at a time, in the folder that this process is in.
 */
export async function runHere(args: readonly string[]): Promise<Ended> {
  said.stdout = said.stderr = ""
  const code = await commandLine(args, new AbortController().signal)
  return { code, signal: null, ...said }
}
