import type { Done } from "@imgmigrator/core/lane"
import type { Item, ItemOutcome } from "@imgmigrator/core/outcome"
import { countOutcomes } from "../db/chunks.ts"
import { count, countFailed } from "../metrics.ts"

/** What became of items: as counts for the ledger, with the codes of those that failed for the alarms. */
export type Tally = { readonly done: Done; readonly failures: readonly string[] }

export function tally(outcomes: Iterable<ItemOutcome>): Tally {
  const all = [...outcomes]
  const failures = all.flatMap(({ outcome, code = "unknown" }) => (outcome === "failed" ? [code] : []))
  return { done: countOutcomes(all), failures }
}

/** What the planner decided of these items. */
export const decidedOf = (items: readonly Item[]): readonly ItemOutcome[] =>
  items.flatMap(({ planned }) => (planned.state === "decided" ? [planned.outcome] : []))

/** Count it where the alarms can see it. */
export function measure({ done: { m, s, bytes }, failures }: Tally): void {
  if (m > 0) count("ItemsMigrated", m)
  if (s > 0) count("ItemsSkipped", s)
  if (bytes > 0) count("BytesMigrated", bytes)
  for (const code of failures) countFailed(code)
}
