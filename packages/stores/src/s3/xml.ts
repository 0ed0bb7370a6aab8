/** Just enough of XML for S3's answers, which are flat lists of elements without attributes: by search, not by parsing. */

/** The text of the first such element, `undefined` where none is. */
export function elementText(xml: string, name: string): string | undefined {
  const open = xml.indexOf(`<${name}>`)
  if (open < 0) return undefined
  const from = open + name.length + 2
  const end = xml.indexOf(`</${name}>`, from)
  return end < 0 ? undefined : fromEntities(xml.slice(from, end))
}

/** The insides of all such elements. */
export function* elements(xml: string, name: string): Generator<string> {
  const [open, close] = [`<${name}>`, `</${name}>`]
  for (let at = xml.indexOf(open); at >= 0; at = xml.indexOf(open, at)) {
    const end = xml.indexOf(close, at)
    if (end < 0) return
    yield xml.slice(at + open.length, end)
    at = end + close.length
  }
}

const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" }

export const fromEntities = (text: string) =>
  text.includes("&")
    ? text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(amp|lt|gt|quot|apos));/gi, (_, decimal, hex, name) =>
        name
          ? (named[name] ?? "")
          : String.fromCodePoint(decimal ? Number(decimal) : Number.parseInt(hex, 16)),
      )
    : text

export const toEntities = (text: string) =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
