/** Header fields by canonical name (`Content-Type`), each with all its values. */
export type Fields = Readonly<Record<string, readonly string[]>>

/** `x-request-id` → `X-Request-Id`, as Go writes names and QStash shows them. */
export const canonical = (name: string): string =>
  name
    .toLowerCase()
    .replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())

/** Collects names and values, as they came over the wire, under canonical names. */
export function collect(pairs: Iterable<readonly [string, string]>): Fields {
  const fields: Record<string, string[]> = Object.create(null)
  for (const [name, value] of pairs) {
    const key = canonical(name)
    fields[key] ??= []
    fields[key].push(value)
  }
  return fields
}

/** node:http's flat list of names and values, as pairs. */
export function* pairs(raw: readonly string[]): Generator<[string, string]> {
  for (let at = 0; at + 1 < raw.length; at += 2) yield [raw[at] ?? "", raw[at + 1] ?? ""]
}

export const first = (fields: Fields, name: string): string | undefined => fields[name]?.[0]

/** The fields whose names begin with `prefix`, without it. */
export function withoutPrefix(fields: Fields, prefix: string): Fields {
  const chosen = Object.entries(fields).filter(
    ([name]) => name.startsWith(prefix) && name.length > prefix.length,
  )
  return Object.fromEntries(chosen.map(([name, values]) => [canonical(name.slice(prefix.length)), values]))
}

/** Fields of one connection, or that node:http must set itself. They are never passed on. */
const ownToConnection = new Set([
  "Connection",
  "Content-Length",
  "Expect",
  "Host",
  "Keep-Alive",
  "Proxy-Authenticate",
  "Proxy-Authorization",
  "Proxy-Connection",
  "Te",
  "Trailer",
  "Transfer-Encoding",
  "Upgrade",
])

/** What may travel on to a destination. */
export const passable = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !ownToConnection.has(name)))

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const unsafe = /[^\t\x20-\x7e\x80-\xff]/

/** Why a header cannot be sent over HTTP/1.1, or undefined. */
export function invalidField(name: string, value: string): string | undefined {
  if (!token.test(name)) return `invalid header name ${JSON.stringify(name)}`
  return unsafe.test(value) ? `invalid value of header ${name}` : undefined
}
