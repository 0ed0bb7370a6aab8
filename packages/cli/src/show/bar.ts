import type { Progress } from "@imgmigrator/core/migration"
import { bytes, count, duration, plain } from "./format.ts"

/** A second. */
export type Speed = { readonly items: number; readonly bytes: number }

/** How far a migration is, in words: `42%  4,200 of 10,000  12.3 MB  350/s  1.2 MB/s  0:17 left`. */
export function progressText(progress: Progress, speed: Speed): string {
  const { planned, total, remaining, failed, status, waiting } = progress
  if (status === "paused") return `paused  ${amount(progress)}`
  const parts = [
    planned ? `${Math.floor(progress.progress)}%` : "listing",
    amount(progress),
    bytes(progress.bytes),
    ...(speed.items > 0 ? [`${count(speed.items)}/s`] : []),
    ...(speed.bytes > 0 ? [`${bytes(speed.bytes)}/s`] : []),
    ...(failed > 0 ? [`${count(failed)} failed`] : []),
    ...(planned && remaining > 0 && speed.items > 0 ? [`${duration(remaining / speed.items)} left`] : []),
    ...(waiting ? [`waiting: ${plain(waiting.reason)}`] : []),
  ]
  return total === 0 && !waiting && !planned ? "listing" : parts.join("  ")
}

/** Before the plan is complete the total still grows: `4,200 of 10,000+`. */
const amount = ({ total, remaining, planned }: Progress) =>
  `${count(total - remaining)} of ${count(total)}${planned ? "" : "+"}`

/** The same behind a bar, cut to the terminal's width: a line that wraps can't be drawn over. */
export function progressBar(progress: Progress, speed: Speed, width: number): string {
  const text = progressText(progress, speed)
  const room = Math.min(30, width - text.length - 4)
  if (room < 5) return text.slice(0, Math.max(0, width - 1))
  const full = Math.round((room * (progress.planned ? progress.progress : 0)) / 100)
  return `[${"█".repeat(full)}${"░".repeat(room - full)}] ${text}`
}

/**
 * The speed over the last while, from totals and the times (ms) they were seen at. Totals move at checkpoints, every
 * few seconds, so the window is several of them long.
 */
export function speedometer(windowMs = 20_000): (totals: Speed, at: number) => Speed {
  const seen: (Speed & { readonly at: number })[] = []
  return ({ items, bytes }, at) => {
    seen.push({ items, bytes, at })
    while (seen.length > 2 && at - (seen[0]?.at ?? at) > windowMs) seen.shift()
    const first = seen[0]
    const seconds = first ? (at - first.at) / 1_000 : 0
    const rate = (now: number, then = now) => (seconds > 0 ? Math.max(0, (now - then) / seconds) : 0)
    return { items: rate(items, first?.items), bytes: rate(bytes, first?.bytes) }
  }
}
