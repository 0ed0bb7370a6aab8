import { isUtf8 } from "node:buffer"
import { Fault } from "@imgmigrator/core/fault"
import type { Body } from "../store.ts"

/** `end`: the offset in bytes behind the line and its end. */
export type Line = { readonly text: string; readonly number: number; readonly end: number }

export const maxLineBytes = 1024 * 1024

export const lineFault = (line: number, why: string) =>
  new Fault("invalid", "manifest.line", `Line ${line} of the list ${why}.`, { scope: "store" })

/**
 * The lines of a body that begins at byte `offset` with line `first`, many at a time. UTF-8 with or without a byte order
 * mark, LF or CRLF. A line that is no UTF-8 or longer than 1 MiB is Fault `invalid manifest.line`.
 */
export async function* readLines(body: Body, offset: number, first: number): AsyncGenerator<readonly Line[]> {
  let rest: Buffer = Buffer.alloc(0)
  let at = offset
  let number = first
  const lines = (bytes: Buffer): Line[] => {
    const all = split(bytes, at, number)
    at += bytes.length
    number += all.length
    return all
  }
  for await (const chunk of body) {
    const bytes =
      rest.length > 0
        ? Buffer.concat([rest, chunk])
        : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const end = bytes.lastIndexOf(0x0a) + 1
    rest = bytes.subarray(end)
    if (end > 0) yield lines(bytes.subarray(0, end))
    if (rest.length > maxLineBytes) throw lineFault(number, "is longer than 1 MiB")
  }
  if (rest.length > 0) yield lines(rest)
}

/** Whole lines; the last one may lack its end. */
function split(bytes: Buffer, offset: number, first: number): Line[] {
  if (!isUtf8(bytes)) throw lineFault(first + badLine(bytes), "is not UTF-8")
  const text = bytes.toString()
  const ascii = text.length === bytes.length
  const lines: Line[] = []
  let end = offset
  for (let from = 0; from < text.length; ) {
    const found = text.indexOf("\n", from)
    const to = found < 0 ? text.length : found + 1
    end += ascii ? to - from : Buffer.byteLength(text.slice(from, to))
    const line = text.slice(from, to).replace(/\r?\n$/, "")
    lines.push({ text: line, number: first + lines.length, end })
    from = to
  }
  return lines
}

/** Which line it is that breaks the encoding, from 0. */
function badLine(bytes: Buffer): number {
  let line = 0
  for (let from = 0; from < bytes.length; line++) {
    const found = bytes.indexOf(0x0a, from)
    const to = found < 0 ? bytes.length : found + 1
    if (!isUtf8(bytes.subarray(from, to))) return line
    from = to
  }
  return line
}
