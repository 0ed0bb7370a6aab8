import { ReportEntry } from "@imgmigrator/core/outcome"
import { bytes, plain } from "./format.ts"

/** A page of a report (ndjson) for people: outcome, size, how it was verified or why not, and where it is. */
export const reportText = (ndjson: string): string =>
  ndjson
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => `${entryText(ReportEntry.parse(JSON.parse(line)))}\n`)
    .join("")

function entryText({
  source,
  destination,
  outcome,
  bytes: size,
  checksum,
  code,
  message,
}: ReportEntry): string {
  const how = checksum
    ? `${checksum.algorithm} ${checksum.value.slice(0, 10)}… by ${checksum.kind}`
    : (code ?? "")
  const name = source === destination ? plain(source) : `${plain(source)} → ${plain(destination)}`
  const line = `${outcome.padEnd(9)} ${(size === undefined ? "" : bytes(size)).padStart(9)}  ${how.padEnd(28)}  ${name}`
  return outcome === "failed" && message ? `${line}\n${" ".repeat(21)}${plain(message)}` : line
}
