import { addDone, type Lane, nothingDone, type Plan } from "./lane.ts"
import type { Totals } from "./migration.ts"

/** The migration's totals, from its lanes: what they have booked, and what lane 0 has discovered. */
export function totalsOf(lanes: readonly Lane[]): Totals {
  const plan = lanes.find((lane) => lane.plan)?.plan
  const sum = lanes.reduce((all, lane) => addDone(all, addDone(lane.done, lane.now)), nothingDone)
  const discovered = plan?.discovered ?? 0
  const failed = sum.f - (plan?.retried ?? 0)
  return {
    discovered,
    migrated: sum.m,
    skipped: sum.s,
    failed,
    remaining: Math.max(0, discovered - sum.m - sum.s - failed),
    bytes_discovered: plan?.bytes ?? 0,
    bytes_migrated: sum.bytes,
  }
}

/**
 * May the migration end? Only when the plan is complete, every chunk was handed out, every run is finished, and the
 * counts add up. "The counts add up" alone is true whenever workers catch up with a slow planner.
 */
export function balanced(lanes: readonly Lane[], plan: Plan, next: number): boolean {
  if (!plan.complete || next !== plan.chunks) return false
  if (lanes.some((lane) => lane.at < lane.to)) return false
  const { discovered, migrated, skipped, failed } = totalsOf(lanes)
  return discovered === migrated + skipped + failed
}
