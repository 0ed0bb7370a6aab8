import { badRequest } from "./problem.ts"

/** Where a message goes: a URL, exactly as it was published, or the name of a URL group. */
export type Destination = { readonly url: string } | { readonly group: string }

export const nameRule = /^[A-Za-z0-9._-]+$/

/** A path and the query of a request, as they stood in the request line. Nothing is normalised. */
export type Target = {
  readonly path: string
  readonly query: readonly (readonly [string, string])[]
  readonly rawQuery: readonly string[]
}

export function parseTarget(requestUrl: string): Target {
  const origin = /^https?:\/\/[^/?]+/i.exec(requestUrl)?.[0] ?? ""
  const rest = requestUrl.slice(origin.length) || "/"
  const mark = rest.indexOf("?")
  const path = mark < 0 ? rest : rest.slice(0, mark)
  const rawQuery =
    mark < 0
      ? []
      : rest
          .slice(mark + 1)
          .split("&")
          .filter((part) => part !== "")
  return { path, rawQuery, query: rawQuery.map(parsePair) }
}

function parsePair(part: string): [string, string] {
  const mark = part.indexOf("=")
  return mark < 0 ? [decode(part), ""] : [decode(part.slice(0, mark)), decode(part.slice(mark + 1))]
}

const decode = (text: string) => decodeOnce(text.replaceAll("+", " "))

/** Query parameters meant for QStash and not for the destination. */
export const isOurs = (name: string): boolean => /^upstash-/i.test(name) || name === "qstash_token"

/** The destination at the end of a publish path, with the query parameters that belong to it. */
export function destinationOf(rest: string, target: Target): Destination {
  const own = target.rawQuery.filter((_, at) => !isOurs(target.query[at]?.[0] ?? ""))
  const text = own.length > 0 ? `${rest}?${own.join("&")}` : rest
  return parseDestination(/^https?%3a/i.test(text) ? decodeOnce(text) : text)
}

/** Percent-decodes, but not `+`; what cannot be decoded stays as it is. */
export function decodeOnce(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Reads a destination: a URL with http or https, or a name. */
export function parseDestination(text: string): Destination {
  if (text === "") throw badRequest("a non-empty destination must be provided")
  if (/^https?:\/\//i.test(text)) return checkedUrl(text)
  if (nameRule.test(text)) return { group: text }
  throw badRequest("invalid destination url: endpoint has invalid scheme, add http:// or https://")
}

/** A destination that must be a URL: callbacks and the endpoints of URL groups. */
export function parseUrl(text: string): string {
  if (!/^https?:\/\//i.test(text))
    throw badRequest("invalid destination url: endpoint has invalid scheme, add http:// or https://")
  return checkedUrl(text).url
}

function checkedUrl(text: string): { url: string } {
  // A space or a control character would end the request line; SDKs send them encoded.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are refused
  if (!URL.canParse(text) || /[\x00-\x20\x7f]/.test(text))
    throw badRequest("invalid destination url: endpoint is not a valid url")
  return { url: text }
}
