import { createHash } from "node:crypto"
import { canonical, type Fields } from "../http/headers.ts"
import type { Redaction } from "./message.ts"

const hidden = (value: string | Buffer) => `REDACTED:${createHash("sha256").update(value).digest("hex")}`

/** The headers as they may be shown. */
export function shownHeaders(headers: Fields, redaction: Redaction | undefined): Fields {
  const which = redaction?.headers
  if (!which) return headers
  const isHidden = (name: string) => which === true || which.includes(name)
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [name, isHidden(name) ? values.map(hidden) : values]),
  )
}

/** The body as it may be shown. */
export const shownBody = (body: Buffer, redaction: Redaction | undefined): Buffer =>
  redaction?.body ? Buffer.from(hidden(body)) : body

/**
 * Reads `Upstash-Redact-Fields`: `body`, `header`, `header[Name]`, separated by commas. Undefined for anything else.
 * Source: Upstash docs, QStash > Features > Redact Fields.
 */
export function parseRedaction(text: string): Redaction | undefined {
  const parts = text.split(",").map((part) => part.trim())
  const names = parts.map((part) => /^headers?\[([^\]]+)\]$/.exec(part)?.[1])
  const isKnown = (part: string, at: number) =>
    part === "body" || /^headers?$/.test(part) || names[at] !== undefined
  if (!parts.every(isKnown)) return undefined
  const all = parts.some((part) => /^headers?$/.test(part))
  return {
    body: parts.includes("body"),
    headers: all || names.flatMap((name) => (name ? [canonical(name)] : [])),
  }
}
