import type { ReportEntry } from "@imgmigrator/core/outcome"

export const ndjson = (entries: readonly ReportEntry[]): string =>
  entries.map((entry) => `${JSON.stringify(entry)}\n`).join("")

const columns = [
  "source",
  "destination",
  "outcome",
  "bytes",
  "checksum_algorithm",
  "checksum_value",
  "checksum_kind",
  "code",
  "message",
] as const

/** CSV (RFC 4180) that a spreadsheet may open: no cell of it can be a formula. */
export function csv(entries: readonly ReportEntry[], withNames: boolean): string {
  const lines = entries.map(({ checksum, ...entry }) =>
    line([
      entry.source,
      entry.destination,
      entry.outcome,
      entry.bytes,
      checksum?.algorithm,
      checksum?.value,
      checksum?.kind,
      entry.code,
      entry.message,
    ]),
  )
  return (withNames ? line(columns) : "") + lines.join("")
}

const line = (values: readonly (string | number | undefined)[]) => `${values.map(cell).join(",")}\r\n`

/**
 * A name that begins like a formula gets an apostrophe in front, which spreadsheets show as text
 * (OWASP: CSV Injection). So does a checksum whose base64 begins with `+`; in json and ndjson it stands as it is.
 */
function cell(value: string | number | undefined): string {
  if (value === undefined) return ""
  if (typeof value === "number") return String(value)
  const safe = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
