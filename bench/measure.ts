import { spawn } from "node:child_process"
import { once } from "node:events"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"

/** Clock ticks a second in the stat files of /proc (Linux: 100 for user space). */
const ticks = 100

type Stat = { readonly pid: number; readonly parent: number; readonly cpu: number }

function stats(): Stat[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const text = readFileSync(`/proc/${name}/stat`, "utf8")
      const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
      const sum = [11, 12, 13, 14].reduce((all, i) => all + Number(fields[i]), 0)
      return [{ pid: Number(name), parent: Number(fields[1]), cpu: sum / ticks }]
    } catch {
      return []
    }
  })
}

/** These processes and all below them. */
function tree(roots: readonly number[]): Stat[] {
  const all = stats()
  const found = new Set(roots)
  for (let grown = true; grown; ) {
    grown = false
    for (const { pid, parent } of all)
      if (found.has(parent) && !found.has(pid)) {
        found.add(pid)
        grown = true
      }
  }
  return all.filter(({ pid }) => found.has(pid))
}

/** CPU seconds used so far by these processes and all below them, ended children included. */
export const cpuOf = (roots: readonly number[]): number => tree(roots).reduce((sum, { cpu }) => sum + cpu, 0)

/** Begin anew to look for the peak of these processes' memory (proc(5): clear_refs). */
export function forgetPeaks(roots: readonly number[]): void {
  for (const { pid } of tree(roots))
    try {
      writeFileSync(`/proc/${pid}/clear_refs`, "5")
    } catch {
      // It has just ended.
    }
}

/** Peak resident memory in MB: of the largest process of the tree, and of all together. */
export function peakOf(roots: readonly number[]): { readonly largest: number; readonly sum: number } {
  const peaks = tree(roots).map(({ pid }) => {
    try {
      return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024
    } catch {
      return 0
    }
  })
  return { largest: Math.max(0, ...peaks), sum: peaks.reduce((a, b) => a + b, 0) }
}

export type Run = {
  readonly seconds: number
  readonly cpu: number
  readonly memory: number
  readonly serverCpu: number
}

/** A whole program from start to end, by the operating system's own account (GNU time). */
export async function timed(
  command: readonly string[],
  servers: readonly number[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Run> {
  const before = cpuOf(servers)
  const child = spawn("/usr/bin/time", ["-f", "%e %U %S %M", ...command], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  })
  let text = ""
  child.stderr.on("data", (bytes) => {
    text += bytes
  })
  const [code] = await once(child, "close")
  const serverCpu = cpuOf(servers) - before
  const line = text.trim().split("\n").at(-1) ?? ""
  const [seconds = 0, user = 0, system = 0, kilobytes = 0] = line.split(" ").map(Number)
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${text.slice(-2000)}`)
  return { seconds, cpu: user + system, memory: kilobytes / 1024, serverCpu }
}
