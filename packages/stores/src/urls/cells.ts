/** The cells of one record; `undefined` where a quoted cell goes on in the next line; a string says what is wrong. */
export type Cells = readonly string[] | string | undefined

/**
 * A line of comma-separated values (RFC 4180): a cell in quotes may hold the separator, line ends and doubled quotes.
 * Tab-separated values have no quotes.
 */
export function readCells(text: string, separator: string): Cells {
  if (separator === "\t" || !text.includes('"')) return text.split(separator)
  const cells: string[] = []
  for (let at = 0; at <= text.length; ) {
    if (text[at] !== '"') {
      const found = text.indexOf(separator, at)
      const end = found < 0 ? text.length : found
      const cell = text.slice(at, end)
      if (cell.includes('"')) return "has a quote in a cell that is not quoted"
      cells.push(cell)
      at = end + 1
      continue
    }
    const end = closingQuote(text, at + 1)
    if (end === undefined) return undefined
    cells.push(text.slice(at + 1, end).replaceAll('""', '"'))
    if (end + 1 < text.length && text[end + 1] !== separator) return "has text behind a closing quote"
    at = end + 2
  }
  return cells
}

function closingQuote(text: string, from: number): number | undefined {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2))
    if (text[at + 1] !== '"') return at
}
