import { readCells } from "./cells.ts"
import { type Columns, readHeader, toRecord, tsvHttpColumns, tsvHttpData, writeColumns } from "./columns.ts"
import type { Line } from "./lines.ts"
import { lineFault, maxLineBytes } from "./lines.ts"
import type { ListRecord } from "./record.ts"

/** A record, its line, and what a cursor needs to go on behind it. */
export type Row = {
  readonly record: ListRecord
  readonly line: number
  readonly end: number
  readonly columns: string
}
export type Rows = (lines: readonly Line[]) => Row[]

/** One address a line; empty lines and those that begin with `#` say nothing. */
export const textRows: Rows = (lines) =>
  lines.flatMap(({ text, number, end }) => {
    const url = text.replace(/^\ufeff/, "").trim()
    return url === "" || url.startsWith("#") ? [] : [{ record: { url }, line: number, end, columns: "" }]
  })

/** One JSON value a line: an address, or an object with `url`, `name`, `size`, `md5`, `sha256`, `checksum`, `mtime`. */
export const jsonRows: Rows = (lines) =>
  lines.flatMap(({ text, number, end }) => {
    const json = text.replace(/^\ufeff/, "").trim()
    return json === "" ? [] : [{ record: readJson(json, number), line: number, end, columns: "" }]
  })

function readJson(json: string, line: number): ListRecord {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw lineFault(line, "is no JSON")
  }
  if (typeof value === "string") return { url: value }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw lineFault(line, "is neither an address nor an object")
  const fields = new Map(Object.entries(value))
  const text = (name: string): string | undefined => {
    const field: unknown = fields.get(name) ?? undefined
    if (field === undefined || typeof field === "string") return field
    throw lineFault(line, `holds a ${name} that is no text`)
  }
  const number = (name: string): string | number | undefined => {
    const field: unknown = fields.get(name)
    return typeof field === "number" ? field : text(name)
  }
  return {
    url: text("url") ?? "",
    name: text("name") ?? text("destination"),
    size: number("size"),
    md5: text("md5"),
    sha256: text("sha256"),
    checksum: text("checksum"),
    mtime: number("mtime"),
  }
}

/** Comma- or tab-separated values; `columns` where a first line was read before. State: a record may go over lines. */
export function tableRows(format: "csv" | "tsv", known: Columns | undefined): Rows & { finish(): void } {
  let columns = known
  let open = ""
  let begun = 0

  function take({ text, number, end }: Line): Row | undefined {
    const record = open === "" ? text.replace(/^\ufeff/, "") : `${open}\n${text}`
    if (open === "") begun = number
    if (record.trim() === "" || (format === "tsv" && !columns && startTsv(record))) return undefined
    const separator = columns?.separator ?? separatorOf(format, record)
    const cells = readCells(record, separator)
    if (cells === undefined) {
      open = record
      if (open.length > maxLineBytes) throw lineFault(begun, "has a quote that is not closed")
      return undefined
    }
    open = ""
    if (typeof cells === "string") throw lineFault(begun, cells)
    if (!columns) {
      const header = readHeader(cells, separator)
      if (typeof header === "string") throw lineFault(begun, header)
      columns = header.columns
      if (header.isHeader) return undefined
    }
    const read = toRecord(cells, columns)
    if (typeof read === "string") throw lineFault(begun, read)
    return { record: read, line: begun, end, columns: writeColumns(columns) }
  }

  function startTsv(record: string): boolean {
    if (record.trim() !== tsvHttpData) return false
    columns = tsvHttpColumns
    return true
  }

  const rows = (lines: readonly Line[]) => lines.flatMap((line) => take(line) ?? [])
  return Object.assign(rows, {
    finish() {
      if (open !== "") throw lineFault(begun, "has a quote that is not closed")
    },
  })
}

/** Spreadsheets of many countries write a semicolon. */
function separatorOf(format: "csv" | "tsv", first: string): string {
  if (format === "tsv") return "\t"
  return !first.includes(",") && first.includes(";") ? ";" : ","
}
