/**
 * S3 lists keys by their UTF-8 bytes; JavaScript compares strings by UTF-16 units, which differs beyond U+FFFF.
 * This is the key as a string with one character per byte, so that `<` is S3's order.
 */
export const byteOrder = (key: string): string =>
  ascii.test(key) ? key : Buffer.from(key, "utf8").toString("latin1")

// biome-ignore lint/suspicious/noControlCharactersInRegex: the whole ASCII range is meant
const ascii = /^[\x00-\x7f]*$/

/** Greater than every byte: `prefix + beyond` comes behind all that begins with `prefix`. */
export const beyond = "\u0100"
