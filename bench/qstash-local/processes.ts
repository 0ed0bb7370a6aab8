import { type ChildProcess, spawn } from "node:child_process"
import { readFile } from "node:fs/promises"

export type Started = { readonly child: ChildProcess; readonly pid: number; readonly output: string }

/** Starts a script of ours and waits until its output matches. */
export async function start(
  args: readonly string[],
  ready: RegExp,
  node = process.execPath,
): Promise<Started> {
  const child = spawn(node, args, { stdio: ["ignore", "pipe", "inherit"] })
  let output = ""
  for await (const part of child.stdout.iterator({ destroyOnReturn: false })) {
    output += part
    if (ready.test(output)) break
  }
  child.stdout.resume()
  if (child.pid === undefined || !ready.test(output))
    throw new Error(`${args.join(" ")} did not start: ${output}`)
  return { child, pid: child.pid, output }
}

export async function stop({ child }: Started): Promise<void> {
  if (child.exitCode !== null) return
  const gone = new Promise((resolve) => child.once("exit", resolve))
  child.kill("SIGTERM")
  await gone
}

/** Linux counts CPU in ticks of 10 ms. */
const msPerTick = 10

/** CPU time (ms, user and system) that a process has used so far. */
export async function cpuMs(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8")
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
  return (Number(fields[11]) + Number(fields[12])) * msPerTick
}

/** Memory (MB) that a process holds now, and the most it has held. */
export async function memoryMb(pid: number): Promise<{ now: number; most: number }> {
  const text = await readFile(`/proc/${pid}/status`, "utf8")
  const read = (name: string) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1]) / 1024)
  return { now: read("VmRSS"), most: read("VmHWM") }
}
