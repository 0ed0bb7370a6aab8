import * as z from "zod"

export const Outcome = z.enum(["migrated", "skipped", "failed"])
export type Outcome = z.infer<typeof Outcome>

/** `value` is base64 of the raw digest; `kind` says who checked it at the destination. */
export const VerifiedChecksum = z.object({
  algorithm: z.enum(["sha256", "crc64nvme", "md5"]),
  value: z.string(),
  kind: z.enum(["store", "read-back"]),
})
export type VerifiedChecksum = z.infer<typeof VerifiedChecksum>

/** What became of one item. `code` of a skipped item is the rule that was used. */
export const ItemOutcome = z.object({
  outcome: Outcome,
  bytes: z.int().nonnegative().optional(),
  checksum: VerifiedChecksum.optional(),
  code: z.string().optional(),
  message: z.string().max(300).optional(),
})
export type ItemOutcome = z.infer<typeof ItemOutcome>

/** What the destination held when the item was planned; it becomes the write's precondition. */
export type Planned =
  | { readonly state: "absent" }
  | { readonly state: "replace"; readonly etag: string }
  /** Not known: look before writing. */
  | { readonly state: "unknown" }
  /** Nothing to copy: decided while planning. */
  | { readonly state: "decided"; readonly outcome: ItemOutcome }

/** One line of a manifest: an image on its way. */
export type Item = {
  /** The source's key, relative to its prefix. */
  readonly key: string
  /** Where the source keeps it, when that is not the key (an address in a list). */
  readonly address?: string
  readonly size?: number
  /** The source's version as listed, where a server-side copy needs it. */
  readonly etag?: string
  /** What a list says of the item: modification time in ms, checksum as base64. */
  readonly mtime?: number
  readonly checksum?: { readonly algorithm: "sha256" | "crc64nvme" | "md5"; readonly value: string }
  readonly planned: Planned
}

/** One line of a report. */
export const ReportEntry = z.object({
  source: z.string().describe("The source's key or address."),
  destination: z.string().describe("The destination's key."),
  outcome: z.enum([...Outcome.options, "remaining"]),
  bytes: z.int().nonnegative().optional(),
  checksum: VerifiedChecksum.optional(),
  code: z.string().optional(),
  message: z.string().optional(),
})
export type ReportEntry = z.infer<typeof ReportEntry>

/**
 * A key, as a message names it. Of a long one only its beginning and end, or nothing would be left of `brief` for what
 * is wrong with it.
 */
export const quoted = (key: string): string =>
  JSON.stringify(key.length <= 120 ? key : `${key.slice(0, 60)}…${key.slice(-60)}`)

/** A message that fits the books: one line, at most 300 characters. */
export const brief = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go
  text.replace(/[\u0000-\u001f\u007f]+/g, " ").slice(0, 300)
