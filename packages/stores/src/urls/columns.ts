import type { ListRecord } from "./record.ts"

/** The fields of a record, each with its letter in a cursor. */
const fields = [
  ["url", "u"],
  ["name", "n"],
  ["size", "s"],
  ["md5", "m"],
  ["sha256", "h"],
  ["checksum", "c"],
  ["mtime", "t"],
] as const satisfies readonly (readonly [keyof ListRecord, string])[]
type Field = (typeof fields)[number][0]

const names: Readonly<{ [name: string]: Field }> = {
  url: "url",
  address: "url",
  name: "name",
  destination: "name",
  key: "name",
  size: "size",
  bytes: "size",
  md5: "md5",
  sha256: "sha256",
  checksum: "checksum",
  mtime: "mtime",
  modified: "mtime",
  last_modified: "mtime",
}
/** Which column holds what. As text, `,3u0n2`: the separator, the header's width, then a letter and an index for each. */
export type Columns = {
  readonly separator: string
  readonly at: ReadonlyMap<Field, number>
  readonly width: number | undefined
}

/** From a first line: a header, or the first record of a list without one (address, name). A string says what is wrong. */
export function readHeader(
  cells: readonly string[],
  separator: string,
): { columns: Columns; isHeader: boolean } | string {
  if (/^https?:/i.test(cells[0]?.trim() ?? "")) {
    const at = new Map<Field, number>([
      ["url", 0],
      ["name", 1],
    ])
    return { columns: { separator, at, width: undefined }, isHeader: false }
  }
  const at = new Map<Field, number>()
  for (const [index, cell] of cells.entries()) {
    const field = names[cell.trim().toLowerCase().replaceAll(/[ -]/g, "_")]
    if (!field) continue
    if (at.has(field)) return `names the column ${field} twice`
    at.set(field, index)
  }
  if (!at.has("url")) return "must be a header with a column named url, or begin with an address"
  return { columns: { separator, at, width: cells.length }, isHeader: true }
}

/** The first line of a list for Google's Storage Transfer Service (its docs: Creating a URL list). */
export const tsvHttpData = "TsvHttpData-1.0"
export const tsvHttpColumns: Columns = {
  separator: "\t",
  at: new Map([
    ["url", 0],
    ["size", 1],
    ["md5", 2],
  ] as const),
  width: undefined,
}

export const writeColumns = ({ separator, at, width }: Columns): string =>
  `${separator}${width ?? ""}${fields.map(([field, letter]) => (at.has(field) ? letter + at.get(field) : "")).join("")}`

export function parseColumns(text: string): Columns | undefined {
  const [, separator, width, rest] = /^([,;\t])(\d*)((?:[unsmhct]\d+)+)$/.exec(text) ?? []
  if (!separator || rest === undefined) return undefined
  const at = new Map<Field, number>()
  for (const [field, letter] of fields) {
    const index = new RegExp(`${letter}(\\d+)`).exec(rest)?.[1]
    if (index !== undefined) at.set(field, Number(index))
  }
  return { separator, at, width: width ? Number(width) : undefined }
}

/** A string says what is wrong. */
export function toRecord(cells: readonly string[], { at, width }: Columns): ListRecord | string {
  if (width !== undefined && cells.length > width) return `has ${cells.length} cells, the header has ${width}`
  const cell = (field: Field) => cells[at.get(field) ?? -1]
  return {
    url: cell("url") ?? "",
    name: cell("name"),
    size: cell("size")?.trim(),
    md5: cell("md5")?.trim(),
    sha256: cell("sha256")?.trim(),
    checksum: cell("checksum"),
    mtime: cell("mtime"),
  }
}
