import type { IncomingHttpHeaders, IncomingMessage } from "node:http"
import { refusal } from "../errors.ts"
import type { Target } from "./target.ts"

/** A request as the operations see it. `body` is what came over the wire, framing included. */
export type Incoming = {
  readonly method: string
  readonly target: Target
  readonly headers: IncomingHttpHeaders
  readonly headerValues: ReadonlyMap<string, readonly string[]>
  readonly body: AsyncIterable<Buffer>
}

/** The values of each header as sent, under its lower-case name: a signature covers repetitions too. */
export function headerValuesOf({ rawHeaders }: IncomingMessage): Map<string, string[]> {
  const values = new Map<string, string[]>()
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? "").toLowerCase()
    const value = rawHeaders[at + 1] ?? ""
    const before = values.get(name)
    if (before) before.push(value)
    if (!before) values.set(name, [value])
  }
  return values
}

/** One header's text; repetitions are joined by a comma. */
export function header({ headers }: Pick<Incoming, "headers">, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(",") : value
}

/** The PUT limit on all headers (Amazon S3 User Guide: Object metadata). */
const maxHeaderBytes = 8192

export function checkHeaderSize({ rawHeaders }: IncomingMessage) {
  const size = rawHeaders.reduce((sum, text) => sum + text.length, 0)
  if (size > maxHeaderBytes)
    throw refusal("RequestHeaderSectionTooLarge", undefined, { MaxSizeAllowed: maxHeaderBytes })
}
