import type { Progress } from "@imgmigrator/core/migration"
import { bytes, count, duration, plain } from "./format.ts"

/** How far a migration is, in words: `42%  4,200 of 10,000  12.3 MB  350/s  1.2 MB/s  0:17 left`. */
export function progressText(progress: Progress, bytesPerSecond: number): string {
  const { planned, total, remaining, failed, status, waiting } = progress
  if (status === "paused") return `paused  ${amount(progress)}`
  const parts = [
    planned ? `${Math.floor(progress.progress)}%` : "listing",
    amount(progress),
    bytes(progress.bytes),
    ...(progress.items_per_second > 0 ? [`${count(progress.items_per_second)}/s`] : []),
    ...(bytesPerSecond > 0 ? [`${bytes(bytesPerSecond)}/s`] : []),
    ...(failed > 0 ? [`${count(failed)} failed`] : []),
    ...(planned && remaining > 0 && progress.eta_seconds !== undefined
      ? [`${duration(progress.eta_seconds)} left`]
      : []),
    ...(waiting ? [`waiting: ${plain(waiting.reason)}`] : []),
  ]
  return total === 0 && !waiting && !planned ? "listing" : parts.join("  ")
}

/** Before the plan is complete the total still grows: `4,200 of 10,000+`. */
const amount = ({ total, remaining, planned }: Progress) =>
  `${count(total - remaining)} of ${count(total)}${planned ? "" : "+"}`

/** The same behind a bar, cut to the terminal's width: a line that wraps can't be drawn over. */
export function progressBar(progress: Progress, bytesPerSecond: number, width: number): string {
  const text = progressText(progress, bytesPerSecond)
  const room = Math.min(30, width - text.length - 4)
  if (room < 5) return text.slice(0, Math.max(0, width - 1))
  const full = Math.round((room * (progress.planned ? progress.progress : 0)) / 100)
  return `[${"█".repeat(full)}${"░".repeat(room - full)}] ${text}`
}

/** Bytes a second over the last few seconds, from totals and the times (ms) they were seen at. */
export function speedometer(windowMs = 5_000): (total: number, at: number) => number {
  const seen: { total: number; at: number }[] = []
  return (total, at) => {
    seen.push({ total, at })
    while (seen.length > 2 && at - (seen[0]?.at ?? at) > windowMs) seen.shift()
    const first = seen[0]
    return first && at > first.at ? Math.max(0, ((total - first.total) * 1_000) / (at - first.at)) : 0
  }
}
