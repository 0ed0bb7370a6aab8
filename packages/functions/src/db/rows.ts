import { Cost, Options, Stop, Totals, Waiting } from "@imgmigrator/core/migration"
import { Status } from "@imgmigrator/core/status"
import { NormalStoreRef } from "@imgmigrator/core/store-ref"
import * as z from "zod"
import { log } from "../log.ts"
import { keyText } from "./keys.ts"
import type { Row } from "./table.ts"

const At = z.iso.datetime()

/** Inline addresses stand in a row of their own (see sources.ts). */
const StoredUrls = z.object({ type: z.literal("stored_urls"), count: z.int().nonnegative() })
export const StoredSource = z.union([NormalStoreRef, StoredUrls])
export type StoredSource = z.infer<typeof StoredSource>

/** A migration as it is stored. `next`: the first chunk that no lane has taken. */
export const MigrationRow = z.object({
  id: z.string(),
  user_id: z.string(),
  name: z.string().optional(),
  status: Status,
  pass: z.int().nonnegative(),
  next: z.int().nonnegative(),
  source: StoredSource,
  destination: NormalStoreRef,
  options: Options,
  waiting: Waiting.optional(),
  error: Stop.optional(),
  /** At the end only; before that the lanes have them. */
  totals: Totals.optional(),
  cost: Cost.optional(),
  created_at: At,
  started_at: At.optional(),
  ended_at: At.optional(),
  active: z.enum(["ACTIVE", "ENDED"]).optional(),
  /** When it is deleted, in seconds since 1970 (retention.ts); expired is absent, whenever the table gets round to it. */
  expires_at: z.number().optional(),
  /** While the rows are marked for that: the chunks below are. */
  marked: z.int().nonnegative().optional(),
})
export type MigrationRow = z.infer<typeof MigrationRow>

export const RequestRow = z.object({ body_sha256: z.string(), id: z.string(), expires_at: z.number() })

export const ApiKeyRow = z.object({
  user_id: z.string(),
  key_id: z.string(),
  name: z.string().optional(),
  /** Store URIs that the key may name; absent: any. */
  prefixes: z.array(z.string()).optional(),
  created_at: At,
})
export type ApiKeyRow = z.infer<typeof ApiKeyRow>

/** A stored row is our own word: one that does not parse is a bug, logged with its key, never the caller's mistake. */
export function parseRow<Schema extends z.ZodType>(schema: Schema, row: Row): z.output<Schema> {
  const result = schema.safeParse(row)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const key = keyText({ pk: String(row.pk), sk: String(row.sk) })
  log.error("stored row does not parse", { key, path: issue?.path.join("."), issue: issue?.message })
  throw new Error(`The stored row ${key} does not parse.`, { cause: result.error })
}
