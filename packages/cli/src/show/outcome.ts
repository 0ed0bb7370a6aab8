import type { Migration } from "@imgmigrator/core/migration"
import type { ReportEntry } from "@imgmigrator/core/outcome"
import { bytes, count, duration, images, plain } from "./format.ts"

/** What became of a migration: a sentence, the table of outcomes, the first failures with their reasons. */
export function outcomeText(migration: Migration, failures: readonly ReportEntry[]): string {
  const { status, totals } = migration
  const nothing = status === "failed" && totals.discovered === 0
  const moved = nothing ? [] : ["", table(migration)]
  const each = totals.discovered === 0 ? [] : ["", `Image by image: imgmigrator report ${migration.id}`]
  return [sentence(migration), ...moved, ...failed(migration, failures), ...each].join("\n")
}

function sentence({ status, totals, error, options, started_at, completed_at }: Migration): string {
  const took =
    started_at && completed_at
      ? ` in ${duration((Date.parse(completed_at) - Date.parse(started_at)) / 1_000)}`
      : ""
  if (status === "failed")
    return `Stopped: ${plain(error?.message ?? "the reason is not known")}\nWith that repaired, the same command goes on.`
  if (status === "cancelled") return "Cancelled."
  if (options.dry_run) return `Dry run: ${images(totals.discovered)} looked at, none copied.`
  if (totals.discovered === 0) return "The source is empty: there was nothing to move."
  if (status === "completed_with_failures")
    return `Completed${took}, but ${images(totals.failed)} could not be moved.`
  if (totals.migrated === 0)
    return `Everything was already there: ${images(totals.skipped)}, nothing to copy.`
  return `Completed${took}: ${images(totals.migrated)} moved and verified.`
}

function table({ totals }: Migration): string {
  const rows: readonly (readonly [string, number, string?])[] = [
    ["migrated", totals.migrated, bytes(totals.bytes_migrated)],
    ["skipped", totals.skipped],
    ["failed", totals.failed],
    ...(totals.remaining > 0 ? [["remaining", totals.remaining] as const] : []),
    ["discovered", totals.discovered, bytes(totals.bytes_discovered)],
  ]
  const wide = Math.max(...rows.map(([, value]) => count(value).length), 6)
  const size = Math.max(...rows.map(([, , text = ""]) => text.length))
  return rows
    .map(([name, value, text = ""]) =>
      `  ${name.padEnd(10)}  ${count(value).padStart(wide)}  ${text.padStart(size)}`.trimEnd(),
    )
    .join("\n")
}

function failed({ id, totals }: Migration, failures: readonly ReportEntry[]): string[] {
  if (failures.length === 0) return []
  const lines = failures.map(
    ({ source, code, message }) => `  ${plain(source)}\n    ${code}: ${plain(message ?? "")}`,
  )
  const more = totals.failed - failures.length
  return [
    "",
    "Failed:",
    ...lines,
    ...(more > 0 ? [`  … and ${count(more)} more: imgmigrator report ${id} --outcome failed`] : []),
  ]
}
