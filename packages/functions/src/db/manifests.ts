import { type Item, ItemOutcome, type Planned } from "@imgmigrator/core/outcome"
import * as z from "zod"
import { packEtag, type Raw, seal, sparse, unpackEtag, unseal } from "./pack.ts"

const Text = z.array(z.string().nullable()).optional()
const Numbers = z.array(z.number().nullable()).optional()
const Etags = z.array(z.union([z.string(), z.literal(0)]).nullable()).optional()

/** The columns of a manifest. `planned` has one letter an item: absent, replace, unknown, decided. */
const Columns = z.object({
  key: z.array(z.string()),
  address: Text,
  size: Numbers,
  mtime: Numbers,
  etag: Etags,
  checksum: z.array(z.tuple([z.enum(["sha256", "crc64nvme", "md5"]), z.string()]).nullable()).optional(),
  planned: z.string().regex(/^[arud]*$/),
  replaces: Etags,
  decided: z.array(ItemOutcome.nullable()).optional(),
})

const letters = { absent: "a", replace: "r", unknown: "u", decided: "d" } as const

/** A chunk's items as one blob: about 5 bytes an item for camera names, 20 for random ones. */
export function packManifest(items: readonly Item[]): Promise<Buffer> {
  const raw: Buffer[] = []
  const columns: z.input<typeof Columns> = {
    key: items.map(({ key }) => key),
    address: sparse(items, ({ address }) => address),
    size: sparse(items, ({ size }) => size),
    mtime: sparse(items, ({ mtime }) => mtime),
    etag: sparse(items, ({ etag }) => packEtag(etag, raw)),
    checksum: sparse(
      items,
      ({ checksum }): [NonNullable<Item["checksum"]>["algorithm"], string] | undefined =>
        checksum ? [checksum.algorithm, checksum.value] : undefined,
    ),
    planned: items.map(({ planned }) => letters[planned.state]).join(""),
    replaces: sparse(items, ({ planned }) =>
      planned.state === "replace" ? packEtag(planned.etag, raw) : undefined,
    ),
    decided: sparse(items, ({ planned }) => (planned.state === "decided" ? planned.outcome : undefined)),
  }
  return seal(columns, raw)
}

export function unpackManifest(blob: Uint8Array): readonly Item[] {
  const { columns: c, raw } = unseal(Columns, blob)
  // Raw bytes stand column after column, so they are read so.
  const etags = c.etag?.map((cell) => unpackEtag(cell, raw))
  const replaces = c.replaces?.map((cell) => unpackEtag(cell, raw))
  return c.key.map((key, i): Item => {
    const [address, size, mtime, etag, checksum] = [
      c.address?.[i],
      c.size?.[i],
      c.mtime?.[i],
      etags?.[i],
      c.checksum?.[i],
    ]
    return {
      key,
      ...(address != null && { address }),
      ...(size != null && { size }),
      ...(mtime != null && { mtime }),
      ...(etag !== undefined && { etag }),
      ...(checksum != null && { checksum: { algorithm: checksum[0], value: checksum[1] } }),
      planned: planned(c.planned[i], replaces?.[i], c.decided?.[i]),
    }
  })
}

function planned(
  letter: string | undefined,
  etag: string | undefined,
  outcome: ItemOutcome | null | undefined,
): Planned {
  if (letter === "a") return { state: "absent" }
  if (letter === "u") return { state: "unknown" }
  if (letter === "r" && etag !== undefined) return { state: "replace", etag }
  if (letter === "d" && outcome) return { state: "decided", outcome }
  throw new Error("A manifest's item is incomplete.")
}

/** Booked outcomes by the item's index in its chunk. */
export type Outcomes = ReadonlyMap<number, ItemOutcome>

const Segment = z.object({
  index: z.array(z.int().nonnegative()),
  /** One letter an item: migrated, skipped, failed. */
  outcome: z.string().regex(/^[msf]*$/),
  bytes: Numbers,
  /** `s` sha256 confirmed by the store, `r` read back: 32 raw bytes behind; any other checksum as text. */
  sum: z
    .array(z.union([z.enum(["s", "r"]), z.tuple([z.string(), z.string(), z.string()])]).nullable())
    .optional(),
  code: Text,
  message: Text,
})

const letterOf = { migrated: "m", skipped: "s", failed: "f" } as const
const outcomeOf = { m: "migrated", s: "skipped", f: "failed" } as const
const kindOf = { s: "store", r: "read-back" } as const

export function packOutcomes(outcomes: Outcomes): Promise<Buffer> {
  const raw: Buffer[] = []
  const all = [...outcomes.entries()]
  const columns: z.input<typeof Segment> = {
    index: all.map(([index]) => index),
    outcome: all.map(([, { outcome }]) => letterOf[outcome]).join(""),
    bytes: sparse(all, ([, { bytes }]) => bytes),
    sum: sparse(all, ([, { checksum }]): "s" | "r" | [string, string, string] | undefined => {
      if (checksum?.algorithm !== "sha256")
        return checksum && [checksum.algorithm, checksum.value, checksum.kind]
      raw.push(Buffer.from(checksum.value, "base64"))
      return checksum.kind === "store" ? "s" : "r"
    }),
    code: sparse(all, ([, { code }]) => code),
    message: sparse(all, ([, { message }]) => message),
  }
  return seal(columns, raw)
}

export function unpackOutcomes(blob: Uint8Array): Outcomes {
  const { columns: c, raw } = unseal(Segment, blob)
  return new Map(
    c.index.map((index, i) => [
      index,
      ItemOutcome.parse({
        outcome: outcomeOf[c.outcome[i] as keyof typeof outcomeOf],
        bytes: c.bytes?.[i] ?? undefined,
        checksum: readSum(c.sum?.[i], raw),
        code: c.code?.[i] ?? undefined,
        message: c.message?.[i] ?? undefined,
      }),
    ]),
  )
}

function readSum(cell: "s" | "r" | [string, string, string] | null | undefined, raw: Raw) {
  if (cell == null) return undefined
  if (typeof cell !== "string") return { algorithm: cell[0], value: cell[1], kind: cell[2] }
  return { algorithm: "sha256", value: raw(32).toString("base64"), kind: kindOf[cell] }
}

/** Indices of items that a retry moved on. */
const Moved = z.array(z.int().nonnegative())
export const packMoved = (indices: readonly number[]): Promise<Buffer> => seal(indices, [])
export const unpackMoved = (blob: Uint8Array): readonly number[] => unseal(Moved, blob).columns
