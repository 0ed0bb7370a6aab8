import { execFileSync } from "node:child_process"
import { cpus, totalmem } from "node:os"

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/** `median (lowest–highest)`. */
export const spread = (values: readonly number[], digits = 2): string =>
  `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`

/** A table in Markdown. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join("")

/** What it was measured on, in a line. */
export const machine = (): string =>
  `${cpus()[0]?.model}, ${cpus().length} cores, ${Math.round(totalmem() / 1024 ** 3)} GiB, Node ${process.version}`

/** The first line of what a program says of its version. */
export function version(command: string, args: readonly string[]): string {
  try {
    const text = execFileSync("sh", ["-c", `${[command, ...args].join(" ")} 2>&1`], { encoding: "utf8" })
    return text.split("\n")[0] || command
  } catch {
    return command
  }
}
