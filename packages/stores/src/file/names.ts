import { isUtf8 } from "node:buffer"
import { Fault } from "@imgmigrator/core/fault"
import { quoted } from "@imgmigrator/core/outcome"

/** Where files lie while they are written: in the root, or beside the target where that is another file system. */
export const temporaryFolder = ".imgmigrator-tmp"

/** Files of ours that never count as images. */
export const isOurs = (name: string) => name.startsWith(temporaryFolder)

/**
 * The segments of a key as the names that a file system can hold, else Fault `invalid destination.name`. The one rule
 * that keeps every write inside the root.
 */
export function segmentsOf(key: string): string[] {
  const names = key.split("/")
  const refuse = (why: string) => new Fault("invalid", "destination.name", `${quoted(key)} ${why}.`)
  for (const name of names) {
    if (name === "") throw refuse("has an empty folder or file name")
    if (name === "." || name === "..") throw refuse("holds . or .. as a name")
    if (name.includes("\0")) throw refuse("holds a NUL character")
    if (isOurs(name)) throw refuse("has a name that is kept for our temporary files")
    if (name.length > 85 && Buffer.byteLength(name) > 255)
      throw refuse("has a folder or file name of more than 255 bytes")
  }
  return names
}

const beyondAscii = /[^ -~]/
export const isAscii = (text: string) => !beyondAscii.test(text)

/** Names as bytes in a string, one unit each: such strings compare as the bytes do. */
export const bytesOf = (text: string) => (isAscii(text) ? text : Buffer.from(text).toString("latin1"))
export const textOf = (bytes: string) => (isAscii(bytes) ? bytes : Buffer.from(bytes, "latin1").toString())
/** Such a string as the path that the operating system takes. */
export const onDisk = (bytes: string) => (isAscii(bytes) ? bytes : Buffer.from(bytes, "latin1"))

/**
 * A name that is no UTF-8, made so: U+FFFD and two hex digits for each byte that does not fit. The listing is ordered
 * by these, so that keys stay valid, distinct and ascending.
 */
export function readable(bytes: string): string {
  const raw = Buffer.from(bytes, "latin1")
  if (isUtf8(raw)) return bytes
  let out = ""
  for (let at = 0; at < raw.length; ) {
    const length = sequenceAt(raw, at)
    const piece = bytes.slice(at, at + Math.max(length, 1))
    out += length > 0 ? piece : `\xef\xbf\xbd${raw.toString("hex", at, at + 1)}`
    at += piece.length
  }
  return out
}

/** How many bytes from `at` are one valid character; 0 where none is. */
function sequenceAt(raw: Buffer, at: number): number {
  for (let length = 1; length <= 4 && at + length <= raw.length; length++)
    if (isUtf8(raw.subarray(at, at + length))) return length
  return 0
}
