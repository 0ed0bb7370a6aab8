const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

/** Children are XML already; empty ones fall out. */
export const element = (name: string, ...children: readonly string[]) =>
  `<${name}>${children.join("")}</${name}>`

/** A leaf with text; nothing at all where there is no value. */
export const leaf = (name: string, value: string | number | boolean | undefined) =>
  value === undefined ? "" : `<${name}>${escapeXml(String(value))}</${name}>`

export const document = (name: string, ...children: readonly string[]) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<${name} xmlns="${namespace}">${children.join("")}</${name}>`

/** Errors have no namespace. */
export const errorDocument = (...children: readonly string[]) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${children.join("")}</Error>`

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters in keys are what is looked for
const special = /[&<>"\x00-\x1f\x7f]/g
const needsEscape = new RegExp(special.source)

/** Control characters become references, as S3 writes them, though XML 1.0 allows only three of them. */
const escapeXml = (text: string) => (needsEscape.test(text) ? text.replace(special, escapeCharacter) : text)

const escapeCharacter = (character: string) =>
  entities[character] ?? `&#x${character.charCodeAt(0).toString(16).toUpperCase()};`

/** ISO 8601 as S3 writes it in XML: whole seconds with `.000Z`. */
export function isoDate(time: number): string {
  if (lastDate.time !== time) lastDate = { time, text: new Date(time).toISOString() }
  return lastDate.text
}

let lastDate = { time: 0, text: new Date(0).toISOString() }

export const quoted = (etag: string) => `"${etag}"`

/** What `encoding-type=url` asks for: form encoding with `/` and `=` kept. */
export const urlEncoded = (text: string) =>
  encodeURIComponent(text)
    .replaceAll("%2F", "/")
    .replaceAll("%3D", "=")
    .replaceAll("%20", "+")
    .replace(/[!'()]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
